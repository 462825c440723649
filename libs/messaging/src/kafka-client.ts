import { Kafka, logLevel, Partitioners, type KafkaConfig, type SASLOptions } from 'kafkajs';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

/** How the brokers are reached. */
export interface KafkaOptions {
  /** `host:port` of some of them; the others are learned. */
  readonly brokers: readonly string[];
  /** Shown in the brokers' logs and quotas. */
  readonly clientId?: string;
  /** TLS with the authorities that Node trusts (NODE_EXTRA_CA_CERTS adds one). */
  readonly ssl?: boolean;
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
}

/**
 * A client of these brokers. It writes nothing itself, since it calls an error what it then tries again: whoever uses it reports
 * the errors that are left (KAFKAJS_LOG_LEVEL=DEBUG shows all of them, for a person who looks for a fault).
 */
export function openKafka({ brokers, clientId = 'runseal', ssl = false, sasl }: KafkaOptions): Kafka {
  const config: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    ssl,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
  };
  // kafkajs has a type of its own for each mechanism.
  return new Kafka(sasl ? { ...config, sasl: sasl as SASLOptions } : config);
}

/** The partition that the publisher's messages of a key go to, as the Java clients choose it: murmur2 of the key. */
export function partitionOf(key: string, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionId,
    partitionErrorCode: 0,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  return Partitioners.DefaultPartitioner()({ topic: '', partitionMetadata, message: { key, value: null } });
}

/** The words of an error for people: kafkajs puts the reason into its cause. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// Without anything to wait for, kafkajs schedules its next look at a time long past: a timer that fires every millisecond on each
// connection for ever, and TimeoutNegativeWarning from Node. What is put in later schedules its own look.
const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
RequestQueue.prototype.scheduleCheckPendingRequests = function () {
  if (this.pending.length > 0) schedule.call(this);
};
