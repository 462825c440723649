import { kafkaVariables, readEnvironment, serviceVariables, url } from '@runseal/runtime';

export const lineageVariables = {
  ...serviceVariables({ port: 7452, does: 'reads' }),
  DATABASE_URL: url({ help: 'the database, as the role runseal_lineage', schemes: ['postgres', 'postgresql'] }),
  ...kafkaVariables({ clientId: 'runseal-lineage', without: 'the ledger itself is followed' }),
} as const;

/** The settings of this process, all faults named at once. The only reader of process.env. */
export function readLineageEnvironment() {
  return readEnvironment(process.env, lineageVariables);
}
