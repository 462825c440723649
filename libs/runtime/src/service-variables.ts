import { LOG_LEVELS } from './logging.js';
import { choice, flag, integer, secret, string } from './configuration.js';

/** What every service is told: where it listens, which ledger it serves (`does` says what for), how much it logs. */
export const serviceVariables = ({ port, does }: { port: number; does: string }) => ({
  HOST: string({ help: 'address to listen on', default: '127.0.0.1' }),
  PORT: integer({ help: 'port of the service', min: 0, max: 65_535, default: port }),
  MANAGEMENT_PORT: integer({ help: 'port of the Prometheus metrics', min: 0, max: 65_535, default: port + 100 }),
  RUNSEAL_LEDGER: string({
    help: `the ledger that this service ${does}`,
    pattern: /^[a-z0-9][a-z0-9.-]{0,62}$/,
    wanted: 'a name of a-z, 0-9, dot and hyphen, at most 63 characters',
    default: 'default',
  }),
  LOG_LEVEL: choice({ help: 'least severe log line that is written', of: LOG_LEVELS, default: 'info' }),
});

/** How a service reaches Kafka, where it does; `without` says what happens where no broker is named. */
export const kafkaVariables = ({ clientId, without }: { clientId: string; without: string }) => ({
  KAFKA_BROKERS: string({
    help: `host:port of brokers, separated by commas. Empty: ${without}`,
    default: '',
    pattern: /^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$/,
    wanted: 'host:port,host:port,...',
  }),
  KAFKA_CLIENT_ID: string({ help: 'name in the logs and quotas of the brokers', default: clientId }),
  KAFKA_SSL: flag({ help: 'TLS to the brokers (NODE_EXTRA_CA_CERTS names an authority of your own)', default: false }),
  KAFKA_SASL_MECHANISM: choice({
    help: 'how the brokers want to be told who this is',
    of: ['none', 'plain', 'scram-sha-256', 'scram-sha-512'],
    default: 'none',
  }),
  KAFKA_SASL_USERNAME: string({ help: 'with a mechanism', default: '' }),
  KAFKA_SASL_PASSWORD: secret({ help: 'with a mechanism', lengthMin: 1, default: '' }),
});

/** The values that `kafkaVariables` reads. */
export interface KafkaEnvironment {
  readonly KAFKA_BROKERS: string;
  readonly KAFKA_CLIENT_ID: string;
  readonly KAFKA_SSL: boolean;
  readonly KAFKA_SASL_MECHANISM: 'none' | 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly KAFKA_SASL_USERNAME: string;
  readonly KAFKA_SASL_PASSWORD: string;
}

/** The same as the client of Kafka takes it; null where no broker is named. */
export function kafkaOf(environment: KafkaEnvironment) {
  const { KAFKA_BROKERS, KAFKA_CLIENT_ID, KAFKA_SSL, KAFKA_SASL_MECHANISM: mechanism } = environment;
  if (KAFKA_BROKERS === '') return null;
  const options = { brokers: KAFKA_BROKERS.split(','), clientId: KAFKA_CLIENT_ID, ssl: KAFKA_SSL };
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = environment;
  return mechanism === 'none' ? options : { ...options, sasl: { mechanism, username, password } };
}
