// For tests of those who may not use kafkajs themselves.
import { randomBytes } from 'node:crypto';
import type { SealedRecord } from '@runseal/chain';
import { Partitioners, type Admin, type EachBatchPayload, type EachMessagePayload, type Message } from 'kafkajs';
import { setTimeout as wait } from 'node:timers/promises';
import { createTopics } from './create-topics.js';
import { openKafka, partitionOf, type KafkaOptions } from './kafka-client.js';
import { formatRecordMessage } from './record-message.js';
import { changeSettings, readSettings } from './topics.js';

/** A topic of a test's own, with what happens to topics in the field. */
export class TestTopic {
  private constructor(
    private readonly options: KafkaOptions,
    readonly name: string,
    private readonly partitions: number,
  ) {}

  static async create(options: KafkaOptions, partitions = 3): Promise<TestTopic> {
    const topic = new TestTopic(options, `test.records.${randomBytes(6).toString('hex')}`, partitions);
    await topic.make();
    return topic;
  }

  /** As somebody with the brokers' own tools does; resolves when the brokers show it. */
  static async set(options: KafkaOptions, topic: string, changed: Readonly<Record<string, string>>): Promise<void> {
    await administer(options, async (admin) => {
      await changeSettings(admin, topic, changed);
      for (let looks = 0; looks < 100; looks++) {
        const shown = await readSettings(admin, topic);
        if (Object.entries(changed).every(([one, value]) => shown.some((s) => s.name === one && s.value === value)))
          return;
        await wait(50);
      }
      throw new Error(`The brokers do not show the new settings of ${topic}.`);
    });
  }

  async make(): Promise<void> {
    await this.administer(async (admin) => {
      const { brokers } = await admin.describeCluster();
      await createTopics(admin, [
        {
          topic: this.name,
          numPartitions: this.partitions,
          replicationFactor: Math.min(3, brokers.length),
          configEntries: [{ name: 'max.message.bytes', value: String(2 * 1024 * 1024) }],
        },
      ]);
    });
  }

  async delete(): Promise<void> {
    await this.administer((admin) => admin.deleteTopics({ topics: [this.name] }));
  }

  /** As retention does: the messages of a key up to now are gone. */
  async forget(key: string): Promise<void> {
    const partition = partitionOf(key, this.partitions);
    await this.administer(async (admin) => {
      await admin.fetchTopicOffsets(this.name); // loads what the next call needs and does not ask for
      await admin.deleteTopicRecords({ topic: this.name, partitions: [{ partition, offset: '-1' }] });
    });
  }

  /** How many messages of a key's partition were ever written. */
  async count(key: string): Promise<number> {
    const partition = partitionOf(key, this.partitions);
    return this.administer(async (admin) => {
      const offsets = await admin.fetchTopicOffsets(this.name);
      return Number(offsets.find((one) => one.partition === partition)?.high);
    });
  }

  /** Epoch and seq of all records of a key that the topic holds now, in order. */
  async read(key: string): Promise<{ epoch: number; seq: number }[]> {
    const [partition, count] = [partitionOf(key, this.partitions), await this.count(key)];
    const read: { epoch: number; seq: number }[] = [];
    if (count === 0) return read;
    const consumer = openKafka(this.options).consumer({ groupId: randomBytes(6).toString('hex'), maxWaitTimeInMs: 50 });
    await consumer.connect();
    await consumer.subscribe({ topics: [this.name], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async (message: EachMessagePayload) => {
        if (message.partition !== partition) return;
        const { headers, offset } = message.message;
        read.push({ epoch: Number(headers?.['epoch']), seq: Number(headers?.['seq']) });
        if (Number(offset) === count - 1) resolve();
      };
      consumer.run({ autoCommit: false, eachMessage }).catch(reject);
    });
    await consumer.disconnect();
    return read;
  }

  /** Messages of anybody. */
  async send(messages: Message[]): Promise<void> {
    const producer = openKafka(this.options).producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic: this.name, messages });
    await producer.disconnect();
  }

  /** kafkajs alone, for comparison: counts what comes, read with eachBatch. Nothing is parsed, verified or kept. */
  async countAlone(seen: (count: number) => void): Promise<{ close(): Promise<unknown> }> {
    const consumer = openKafka(this.options).consumer({
      groupId: randomBytes(6).toString('hex'),
      maxWaitTimeInMs: 250,
    });
    const joined = Promise.withResolvers<void>();
    consumer.on('consumer.group_join', () => joined.resolve());
    let count = 0;
    await consumer.connect();
    await consumer.subscribe({ topics: [this.name], fromBeginning: true });
    const eachBatch = async ({ batch }: EachBatchPayload) => seen((count += batch.messages.length));
    await consumer.run({ autoCommit: false, eachBatch });
    await joined.promise;
    return { close: () => consumer.disconnect() };
  }

  /**
   * The same at a pace: all of these batches evenly over each of so many seconds. Returns for each batch sent the milliseconds
   * from when it was due until it was read.
   */
  async measureWaitsAlone(batches: readonly (readonly SealedRecord[])[], seconds: number): Promise<number[]> {
    const ready = batches.map((records) => records.map(formatRecordMessage));
    const ends: number[] = [];
    const waits_ms: number[] = [];
    const done = Promise.withResolvers<void>();
    let started = performance.now();
    const alone = await this.openAlone((count) => {
      while ((ends[waits_ms.length] ?? Infinity) <= count) {
        waits_ms.push(performance.now() - started - (waits_ms.length * 1_000) / batches.length);
      }
      if (waits_ms.length === batches.length * seconds) done.resolve();
    });
    started = performance.now();
    for (let number = 0; number < batches.length * seconds; number++) {
      await wait(Math.max(0, started + (number * 1_000) / batches.length - performance.now()));
      const messages = ready[number % batches.length] ?? [];
      ends.push((ends.at(-1) ?? 0) + messages.length);
      await alone.send(messages);
    }
    await done.promise;
    await alone.close();
    return waits_ms;
  }

  /** A producer and a consumer of kafkajs with the settings of ours; `seen` is told how many messages came so far. */
  private async openAlone(
    seen: (count: number) => void,
  ): Promise<{ send(messages: Message[]): Promise<unknown>; close(): Promise<unknown> }> {
    const reading = await this.countAlone(seen);
    const sender = await openSender(this.options, this.name);
    return { send: sender.send, close: () => Promise.all([sender.close(), reading.close()]) };
  }

  /** Members of a reader's group by what they were given of the topic. */
  async countMembers(groupId: string): Promise<number> {
    return this.administer(async (admin) => (await admin.describeGroups([groupId])).groups[0]?.members.length ?? 0);
  }

  private administer<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    return administer(this.options, work);
  }
}

/** The messages that a publisher makes of records. */
export const messagesOf = (records: readonly SealedRecord[]): Message[] => records.map(formatRecordMessage);

/** A producer of kafkajs alone with the settings of ours. */
export async function openSender(
  options: KafkaOptions,
  topic: string,
): Promise<{ send(messages: Message[]): Promise<unknown>; close(): Promise<unknown> }> {
  const producer = openKafka(options).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  return {
    send: (messages) => producer.send({ topic, acks: -1, messages }),
    close: () => producer.disconnect(),
  };
}

async function administer<T>(options: KafkaOptions, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = openKafka(options).admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
