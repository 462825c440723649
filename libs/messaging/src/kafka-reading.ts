import { setTimeout as wait } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Reading, ReadingState } from './feed.js';
import type { Intake } from './intake.js';
import { partitionOf, wordsOf } from './kafka-client.js';
import { parseRecordMessage } from './record-message.js';

export interface KafkaReadingOptions {
  readonly topic: string;
  readonly groupId: string;
  readonly ledger: string;
  readonly session_ms: number;
  readonly rebalance_ms: number;
  readonly patrol_ms: number;
}

const RETRY_MS = 1_000;
const HEARTBEATS_A_SESSION = 5;
/** Longer, and a member would learn too late that the group changes. */
const FETCH_WAIT_MS = 250;
const FETCH_BYTES = 4 * 1024 * 1024;

/** What a member was given when it joined the group, until the group changes. */
interface Share {
  readonly lost: AbortController;
  /** Aborted when the share is lost or reading ends. */
  readonly signal: AbortSignal;
  /** Resolves when the reader has all that lies before the offset to read from; null: the ledger's partition is somebody else's. */
  readonly partition: Promise<number | null>;
}

/** One member of a consumer group at work for one reader. A consumer that crashes is made anew, for ever. */
export class KafkaReading implements Reading {
  private readonly stopping = new AbortController();
  private readonly ended: Promise<void>;
  private share: Share | null = null;
  private trouble: string | null = null;
  private isOnPatrol = false;

  constructor(
    private readonly kafka: Kafka,
    private readonly intake: Intake,
    private readonly options: KafkaReadingOptions,
  ) {
    this.ended = this.read();
  }

  state(): ReadingState {
    const { state } = this.intake;
    return state.state === 'stopped' || this.trouble === null ? state : { state: 'reading', trouble: this.trouble };
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.ended;
  }

  private async read(): Promise<void> {
    const { signal } = this.stopping;
    const patrol = setInterval(() => this.patrol(), this.options.patrol_ms);
    while (!signal.aborted) {
      try {
        await this.consume();
      } catch (error) {
        this.trouble = `Kafka: ${wordsOf(error)}`;
        await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
      if (this.intake.isStopped) this.stopping.abort();
    }
    clearInterval(patrol);
  }

  /** Resolves when reading ends, rejects where the consumer crashed. */
  private async consume(): Promise<void> {
    const { topic, groupId, session_ms, rebalance_ms } = this.options;
    const consumer = this.kafka.consumer({
      groupId,
      sessionTimeout: session_ms,
      rebalanceTimeout: rebalance_ms,
      heartbeatInterval: session_ms / HEARTBEATS_A_SESSION,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: FETCH_BYTES,
      allowAutoTopicCreation: false,
      // A crashed one is made anew here, whatever it died of.
      retry: { restartOnFailure: async () => false },
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.stopping.signal.addEventListener('abort', resolve as () => void, { once: true });
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
    consumer.on('consumer.rebalancing', () => this.lose());
    consumer.on('consumer.group_join', ({ payload }) => this.join(consumer, payload.memberAssignment[topic] ?? []));
    try {
      await Promise.race([promise, this.run(consumer).then(() => promise)]);
    } finally {
      this.lose();
      await consumer.disconnect().catch(() => undefined);
    }
  }

  private async run(consumer: Consumer): Promise<void> {
    await consumer.connect();
    // From the beginning: where a topic was made again, all that it holds is new.
    await consumer.subscribe({ topics: [this.options.topic], fromBeginning: true });
    // Nothing is committed: the reader's position is the only one.
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.takeBatch(payload),
    });
  }

  private lose(): void {
    this.share?.lost.abort();
    this.share = null;
  }

  private join(consumer: Consumer, partitions: readonly number[]): void {
    this.lose();
    const lost = new AbortController();
    const signal = AbortSignal.any([this.stopping.signal, lost.signal]);
    this.share = { lost, signal, partition: this.takeOver(consumer, partitions, signal) };
  }

  /** Never rejects: tried again until the share is lost. */
  private async takeOver(
    consumer: Consumer,
    partitions: readonly number[],
    signal: AbortSignal,
  ): Promise<number | null> {
    const { topic } = this.options;
    while (!signal.aborted) {
      try {
        const { partition, end } = await this.locate();
        const others = partitions.filter((other) => other !== partition);
        if (others.length > 0) consumer.pause([{ topic, partitions: others }]);
        consumer.resume([{ topic, partitions: [partition] }]);
        this.trouble = null;
        if (!partitions.includes(partition)) return null;
        this.intake.forget();
        await this.catchUp(signal);
        if (signal.aborted) return null;
        consumer.seek({ topic, partition, offset: end });
        return partition;
      } catch (error) {
        this.trouble = `Kafka: ${wordsOf(error)}`;
        await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    return null;
  }

  /** The ledger's partition and the offset behind its last message. */
  private async locate(): Promise<{ partition: number; end: string }> {
    const { topic, ledger } = this.options;
    const admin = this.kafka.admin();
    try {
      await admin.connect();
      const offsets = await admin.fetchTopicOffsets(topic);
      const partition = partitionOf(ledger, offsets.length);
      const found = offsets.find((one) => one.partition === partition);
      if (!found) throw new Error(`Topic ${topic} has no partition ${partition}`);
      return { partition, end: found.high };
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  private async takeBatch({ batch, heartbeat, resolveOffset, isStale }: EachBatchPayload): Promise<void> {
    const { share } = this;
    if (!share) return;
    const left = new AbortController();
    const signal = AbortSignal.any([share.signal, left.signal]);
    // However long the reader takes, the group must hear of this member; where that fails, the rest of the batch is left.
    const failures: unknown[] = [];
    const beat = setInterval(() => {
      heartbeat().catch((error: unknown) => {
        failures.push(error);
        left.abort();
      });
    }, this.options.session_ms / HEARTBEATS_A_SESSION);
    const partition = await share.partition;
    if (!isStale() && batch.partition === partition) {
      const records = batch.messages.map(({ value }) => parseRecordMessage(value));
      const known = records.filter((record) => record !== null);
      await this.take(() => this.intake.take(known, signal));
      // What is no record may stand where one should: the ledger knows.
      if (known.length < records.length) await this.catchUp(signal);
    }
    clearInterval(beat);
    if (failures.length > 0) throw failures[0];
    if (!isStale() && !signal.aborted) resolveOffset(batch.lastOffset());
  }

  private catchUp(signal: AbortSignal): Promise<void> {
    return this.take(() => this.intake.catchUp(signal));
  }

  private async take(work: () => Promise<void>): Promise<void> {
    await work();
    if (this.intake.isStopped) this.stopping.abort();
  }

  /** Also without a share: while there is no Kafka to share by, several may do the same, and the position row lets one through. */
  private patrol(): void {
    const { share } = this;
    if (this.isOnPatrol) return;
    this.isOnPatrol = true;
    const look = async () => {
      if (share && (await share.partition) === null) return;
      if (!share) this.intake.forget();
      await this.catchUp(share?.signal ?? this.stopping.signal);
    };
    void look().finally(() => (this.isOnPatrol = false));
  }
}
