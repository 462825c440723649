import { readFileSync } from 'node:fs';
import { fromBase64 } from '@runseal/chain';
import { choice, flag, kafkaVariables, readEnvironment, serviceVariables, string, url } from '@runseal/runtime';

const NAME = /^[a-z0-9][a-z0-9.-]{0,62}$/;
const NAME_WANTED = 'a name of a-z, 0-9, dot and hyphen, at most 63 characters';

export const ingestVariables = {
  ...serviceVariables({ port: 7451, does: 'seals' }),
  DATABASE_URL: url({ help: 'the database, as the role runseal_ingest', schemes: ['postgres', 'postgresql'] }),
  MAINTENANCE_DATABASE_URL: url({
    help: 'the same database, as the role runseal_maintenance',
    schemes: ['postgres', 'postgresql'],
  }),
  RUNSEAL_INSTALL: string({
    help: 'name of this installation, first part of every origin',
    pattern: NAME,
    wanted: NAME_WANTED,
  }),
  RUNSEAL_HEADS_DIR: string({ help: 'directory of the signed heads, not on the database’s machine' }),
  RUNSEAL_SIGNING_KEY_FILE: string({ help: 'file with the Ed25519 seed, 32 bytes in base64' }),
  RUNSEAL_SECRET_SCAN: flag({ help: 'refuse events that hold what looks like a credential', default: true }),
  RUNSEAL_LOG_PUBLIC: choice({
    help: 'what of the log is served without a key: nothing, hashes and heads, or the entries too',
    of: ['none', 'hashes', 'all'],
    default: 'none',
  }),
  ...kafkaVariables({ clientId: 'runseal-ingest', without: 'sealed records are not relayed' }),
} as const;

/** The settings of this process, all faults named at once. The only reader of process.env. */
export function readIngestEnvironment() {
  return readEnvironment(process.env, ingestVariables);
}

/** Reads a signing key file. The message of a failure never holds what is in the file. */
export function readSigningKey(path: string): Uint8Array {
  const seed = fromBase64(readFileSync(path, 'utf8').trim());
  if (seed.length !== 32)
    throw new Error(`${path} holds ${seed.length} bytes, wanted an Ed25519 seed of 32 bytes in base64.`);
  return seed;
}
