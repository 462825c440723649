import { readFileSync } from 'node:fs';
import { fromBase64 } from '@runseal/chain';
import type { KafkaOptions } from '@runseal/messaging';
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
  KAFKA_BROKERS: string({
    help: 'host:port of brokers, separated by commas; sealed records are relayed there. Empty: no relay',
    default: '',
    pattern: /^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/,
    wanted: 'host:port,host:port,...',
  }),
  KAFKA_CLIENT_ID: string({ help: 'name in the logs and quotas of the brokers', default: 'runseal-ingest' }),
  KAFKA_SSL: flag({ help: 'TLS to the brokers (NODE_EXTRA_CA_CERTS names an authority of your own)', default: false }),
  KAFKA_SASL_MECHANISM: choice({
    help: 'how the brokers want to be told who this is',
    of: ['none', 'plain', 'scram-sha-256', 'scram-sha-512'],
    default: 'none',
  }),
  KAFKA_SASL_USERNAME: string({ help: 'with a mechanism', default: '' }),
  KAFKA_SASL_PASSWORD: string({ help: 'with a mechanism; a secret', default: '' }),
  LOG_LEVEL: choice({ help: 'least severe log line that is written', of: LOG_LEVELS, default: 'info' }),
} as const;

/** The settings of this process, all faults named at once. The only reader of process.env. */
export function readIngestEnvironment() {
  return readEnvironment(process.env, ingestVariables);
}

/** How Kafka is reached; null where there is none. */
export function kafkaOf(environment: ReturnType<typeof readIngestEnvironment>): KafkaOptions | null {
  const { KAFKA_BROKERS, KAFKA_CLIENT_ID, KAFKA_SSL, KAFKA_SASL_MECHANISM: mechanism } = environment;
  if (KAFKA_BROKERS === '') return null;
  const options = { brokers: KAFKA_BROKERS.split(','), clientId: KAFKA_CLIENT_ID, ssl: KAFKA_SSL };
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = environment;
  return mechanism === 'none' ? options : { ...options, sasl: { mechanism, username, password } };
}

/** Reads a signing key file. The message of a failure never holds what is in the file. */
export function readSigningKey(path: string): Uint8Array {
  const seed = fromBase64(readFileSync(path, 'utf8').trim());
  if (seed.length !== 32)
    throw new Error(`${path} holds ${seed.length} bytes, wanted an Ed25519 seed of 32 bytes in base64.`);
  return seed;
}
