import { kafkaVariables, readEnvironment, serviceVariables, string, url } from '@runseal/runtime';

export const gatesVariables = {
  ...serviceVariables({ port: 7453, does: 'judges runs of' }),
  DATABASE_URL: url({ help: 'the database, as the role runseal_gates', schemes: ['postgres', 'postgresql'] }),
  RUNSEAL_HEADS_DIR: string({ help: 'directory of the signed heads; only read' }),
  ...kafkaVariables({ clientId: 'runseal-gates', without: 'the ledger itself is followed' }),
} as const;

/** The settings of this process, all faults named at once. The only reader of process.env. */
export function readGatesEnvironment() {
  return readEnvironment(process.env, gatesVariables);
}
