import { readFileSync } from 'node:fs';
import { fromBase64 } from '@runseal/chain';
import { choice, flag, integer, LOG_LEVELS, readEnvironment, string, url } from '@runseal/runtime';

const NAME = /^[a-z0-9][a-z0-9.-]{0,62}$/;
const NAME_WANTED = 'a name of a-z, 0-9, dot and hyphen, at most 63 characters';

export const ingestVariables = {
  HOST: string({ help: 'address to listen on', default: '127.0.0.1' }),
  PORT: integer({ help: 'port of the service', min: 0, max: 65_535, default: 7451 }),
  MANAGEMENT_PORT: integer({ help: 'port of the Prometheus metrics', min: 0, max: 65_535, default: 7551 }),
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
  RUNSEAL_LEDGER: string({
    help: 'the ledger that this service seals',
    pattern: NAME,
    wanted: NAME_WANTED,
    default: 'default',
  }),
  RUNSEAL_HEADS_DIR: string({ help: 'directory of the signed heads, not on the database’s machine' }),
  RUNSEAL_SIGNING_KEY_FILE: string({ help: 'file with the Ed25519 seed, 32 bytes in base64' }),
  RUNSEAL_SECRET_SCAN: flag({ help: 'refuse events that hold what looks like a credential', default: true }),
  RUNSEAL_LOG_PUBLIC: choice({
    help: 'what of the log is served without a key: nothing, hashes and heads, or the entries too',
    of: ['none', 'hashes', 'all'],
    default: 'none',
  }),
  LOG_LEVEL: choice({ help: 'least severe log line that is written', of: LOG_LEVELS, default: 'info' }),
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
