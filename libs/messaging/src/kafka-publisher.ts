import type { SealedRecord } from '@runseal/chain';
import { CompressionTypes, Partitioners, type Kafka, type Message, type Producer } from 'kafkajs';
import { openKafka, type KafkaOptions } from './kafka-client.js';
import { formatRecordMessage } from './record-message.js';
import { HEADS_TOPIC, MESSAGE_BYTES_MAX, RECORDS_TOPIC } from './topics.js';

/** A head that was signed and published. */
export interface HeadToPublish {
  readonly ledger: string;
  readonly epoch: number;
  readonly number: number;
  /** The signed note. */
  readonly note: string;
}

export interface KafkaPublisherOptions extends KafkaOptions {
  readonly recordsTopic?: string;
  readonly headsTopic?: string;
}

/** Key, headers and framing of one message, generously. */
const MESSAGE_OVERHEAD_BYTES = 1_024;

/**
 * Sends to Kafka in order, and is done when all replicas in sync have it. What fails is thrown after a few tries; whether it was
 * written is then unknown, and sending it again makes duplicates, which readers skip. Callers wait for one call before the next.
 */
export class KafkaPublisher {
  private readonly kafka: Kafka;
  private producer: Promise<Producer> | null = null;

  constructor(private readonly options: KafkaPublisherOptions) {
    this.kafka = openKafka(options);
  }

  /** Publishes records in their order; all of them, or an error and perhaps the first ones. */
  async publishRecords(records: readonly SealedRecord[]): Promise<void> {
    const topic = this.options.recordsTopic ?? RECORDS_TOPIC;
    let batch: Message[] = [];
    let bytes = 0;
    for (const record of records) {
      const message = formatRecordMessage(record);
      const size = message.value.length + MESSAGE_OVERHEAD_BYTES;
      // The topic's limit is on a batch as it lies on the broker's disk.
      if (batch.length > 0 && bytes + size > MESSAGE_BYTES_MAX) {
        await this.send(topic, batch);
        batch = [];
        bytes = 0;
      }
      batch.push(message);
      bytes += size;
    }
    if (batch.length > 0) await this.send(topic, batch);
  }

  async publishHead({ ledger, epoch, number, note }: HeadToPublish): Promise<void> {
    const headers = { epoch: String(epoch), number: String(number) };
    await this.send(this.options.headsTopic ?? HEADS_TOPIC, [{ key: ledger, value: note, headers }]);
  }

  /** Safe to be called twice. */
  async close(): Promise<void> {
    const { producer } = this;
    this.producer = null;
    await (await producer?.catch(() => null))?.disconnect();
  }

  private async send(topic: string, messages: Message[]): Promise<void> {
    const producer = await this.connect();
    try {
      await producer.send({ topic, messages, acks: -1, timeout: 30_000, compression: CompressionTypes.None });
    } catch (error) {
      // After a failure its count of what was written may not be the broker's: the next call begins with another producer.
      this.producer = null;
      await producer.disconnect().catch(() => undefined);
      throw error;
    }
  }

  private connect(): Promise<Producer> {
    return (this.producer ??= this.open().catch((error: unknown) => {
      this.producer = null;
      throw error;
    }));
  }

  private async open(): Promise<Producer> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    try {
      await producer.connect();
      return producer;
    } catch (error) {
      await producer.disconnect().catch(() => undefined);
      throw error;
    }
  }
}
