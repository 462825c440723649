import { kafkaVariables, readEnvironment, serviceVariables, string, url } from '@runseal/runtime';

export const registryVariables = {
  ...serviceVariables({ port: 7454, does: 'reads and seals' }),
  DATABASE_URL: url({ help: 'the database, as the role runseal_registry', schemes: ['postgres', 'postgresql'] }),
  RUNSEAL_HEADS_DIR: string({ help: 'directory of the signed heads, which are only read here' }),
  ...kafkaVariables({ clientId: 'runseal-registry', without: 'the ledger itself is followed' }),
} as const;

/** The settings of this process, all faults named at once. The only reader of process.env. */
export function readRegistryEnvironment() {
  return readEnvironment(process.env, registryVariables);
}
