import type { KafkaOptions } from '@runseal/messaging';
import { choice, flag, integer, LOG_LEVELS, readEnvironment, secret, string, url } from '@runseal/runtime';

export const gatesVariables = {
  HOST: string({ help: 'address to listen on', default: '127.0.0.1' }),
  PORT: integer({ help: 'port of the service', min: 0, max: 65_535, default: 7453 }),
  MANAGEMENT_PORT: integer({ help: 'port of the Prometheus metrics', min: 0, max: 65_535, default: 7553 }),
  DATABASE_URL: url({ help: 'the database, as the role runseal_gates', schemes: ['postgres', 'postgresql'] }),
  RUNSEAL_LEDGER: string({
    help: 'the ledger whose runs this service judges',
    pattern: /^[a-z0-9][a-z0-9.-]{0,62}$/,
    wanted: 'a name of a-z, 0-9, dot and hyphen, at most 63 characters',
    default: 'default',
  }),
  RUNSEAL_HEADS_DIR: string({ help: 'directory of the signed heads; only read' }),
  KAFKA_BROKERS: string({
    help: 'host:port of brokers, separated by commas. Empty: the ledger itself is followed',
    default: '',
    pattern: /^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/,
    wanted: 'host:port,host:port,...',
  }),
  KAFKA_CLIENT_ID: string({ help: 'name in the logs and quotas of the brokers', default: 'runseal-gates' }),
  KAFKA_SSL: flag({ help: 'TLS to the brokers (NODE_EXTRA_CA_CERTS names an authority of your own)', default: false }),
  KAFKA_SASL_MECHANISM: choice({
    help: 'how the brokers want to be told who this is',
    of: ['none', 'plain', 'scram-sha-256', 'scram-sha-512'],
    default: 'none',
  }),
  KAFKA_SASL_USERNAME: string({ help: 'with a mechanism', default: '' }),
  KAFKA_SASL_PASSWORD: secret({ help: 'with a mechanism', lengthMin: 1, default: '' }),
  LOG_LEVEL: choice({ help: 'least severe log line that is written', of: LOG_LEVELS, default: 'info' }),
} as const;

/** The settings of this process, all faults named at once. The only reader of process.env. */
export function readGatesEnvironment() {
  return readEnvironment(process.env, gatesVariables);
}

/** How Kafka is reached; null where there is none. */
export function kafkaOf(environment: ReturnType<typeof readGatesEnvironment>): KafkaOptions | null {
  const { KAFKA_BROKERS, KAFKA_CLIENT_ID, KAFKA_SSL, KAFKA_SASL_MECHANISM: mechanism } = environment;
  if (KAFKA_BROKERS === '') return null;
  const options = { brokers: KAFKA_BROKERS.split(','), clientId: KAFKA_CLIENT_ID, ssl: KAFKA_SSL };
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = environment;
  return mechanism === 'none' ? options : { ...options, sasl: { mechanism, username, password } };
}
