import { setTimeout as wait } from 'node:timers/promises';
import { equalBytes, GENESIS_HASH, recordInspector, toHex, type SealedRecord } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { limits } from '@runseal/contracts';
import {
  EpochChangedError,
  PoisonRecordError,
  StaleReaderError,
  type FeedReader,
  type Position,
  type ReadingState,
  type RecordSource,
} from './feed.js';

export interface IntakeOptions {
  readonly reader: FeedReader;
  readonly source: RecordSource;
  /** The wait before the second try; it doubles up to `retryMax_ms`. */
  readonly retryMin_ms?: number;
  readonly retryMax_ms?: number;
}

/** The newest record that was verified, whether the reader has it yet or not. */
interface Tail {
  readonly epoch: number;
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** Before the first record. */
const START: Tail = { epoch: 0, seq: -1, hash: GENESIS_HASH };

/**
 * What every feed does with what it gets: hands the reader consecutive records, each with the hash of what it holds and linked
 * to the one before, at most 500 and 8 MB at once. At or below the position they are skipped; what is missing in between is
 * read from the ledger. Never trusts whoever brought them, nor that another process left the position alone.
 */
export class Intake {
  private readonly inspect = recordInspector(sha256);
  /** Undefined until the reader was asked, and again after every failure: what was kept before it is not known. */
  private position: Position | null | undefined;
  /** The epoch in which the ledger was seen to hold the position. */
  private epochHeld = -1;
  private tail = START;
  private pending: SealedRecord[] = [];
  private pendingBytes = 0;
  private failures = 0;
  private current: ReadingState = { state: 'reading', trouble: null };
  private turn: Promise<void> = Promise.resolve();
  /** Of the turn under way. */
  private signal: AbortSignal = new AbortController().signal;

  constructor(private readonly options: IntakeOptions) {}

  get state(): ReadingState {
    return this.current;
  }

  get isStopped(): boolean {
    return this.current.state === 'stopped';
  }

  /**
   * Resolves once the reader has kept these records and all between its position and them, or reading has stopped, or
   * `signal` is aborted (then after the batch under way). Never rejects: trouble is shown in `state` and tried again.
   */
  take(records: readonly SealedRecord[], signal: AbortSignal): Promise<void> {
    return this.inTurn(signal, async () => {
      await this.takeUp();
      for (const record of records) await this.add(record);
      await this.handOver();
    });
  }

  /** As `take`, with all that the ledger holds now. */
  catchUp(signal: AbortSignal): Promise<void> {
    return this.inTurn(signal, async () => {
      await this.takeUp();
      while (!signal.aborted) {
        const newest = await this.findNewest();
        if (newest <= this.tail.seq) return;
        await this.fill(newest);
        await this.handOver();
      }
    });
  }

  /** Reading moved to this process, or may have been elsewhere: the reader is asked for its position again. */
  forget(): void {
    this.turn = this.turn.then(() => this.drop());
  }

  /** One piece of work at a time, tried again until it is done. */
  private inTurn(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(async () => {
      this.signal = signal;
      for (let isDone = false; !isDone && !signal.aborted && !this.isStopped;) isDone = await this.isDone(work);
      // What was verified and not handed over is forgotten.
      if (signal.aborted) this.drop();
    });
    return this.turn;
  }

  private async isDone(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      this.progress();
      return true;
    } catch (error) {
      this.drop();
      await this.bear(error);
      return false;
    }
  }

  private drop(): void {
    this.position = undefined;
  }

  private async bear(error: unknown): Promise<void> {
    if (error instanceof PoisonRecordError) {
      this.current = { state: 'stopped', seq: error.seq, reason: error.message, cause: 'poison' };
      return;
    }
    let trouble = error;
    if (error instanceof EpochChangedError) {
      if (!this.options.reader.startOver) {
        this.current = { state: 'stopped', seq: error.lost.seq, reason: error.message, cause: 'epoch_changed' };
        return;
      }
      trouble = await this.options.reader.startOver(error.lost).catch((failure: unknown) => failure);
    }
    // Another process at work is none, unless this one never gets through.
    const isTrouble = trouble !== undefined && (!(trouble instanceof StaleReaderError) || this.failures >= 5);
    if (isTrouble) {
      this.current = { state: 'reading', trouble: trouble instanceof Error ? trouble.message : String(trouble) };
    }
    const { retryMin_ms = 100, retryMax_ms = 5_000 } = this.options;
    const pause_ms = Math.min(retryMax_ms, retryMin_ms * 2 ** Math.min(this.failures++, 20));
    await wait(pause_ms * (0.75 + Math.random() / 2), undefined, { signal: this.signal }).catch(() => undefined);
  }

  /** Makes sure that the position is known and that the ledger holds it. */
  private async takeUp(): Promise<void> {
    if (this.position !== undefined) return;
    const position = await this.options.reader.findPosition();
    this.pending = [];
    this.pendingBytes = 0;
    if (position) await this.requireHeld(position);
    this.tail = position ? { ...position, hash: Buffer.from(position.hash, 'hex') } : START;
    this.position = position;
  }

  /** Throws EpochChangedError where the ledger went on without the position, PoisonRecordError where it was rewritten. */
  private async requireHeld(position: Position): Promise<void> {
    const { source, reader } = this.options;
    const [held] = await source.read(reader.ledger, position.seq, 1);
    const newest = await source.findNewest(reader.ledger);
    if (held?.seq === position.seq && toHex(held.hash) === position.hash) {
      this.epochHeld = newest?.epoch ?? -1;
      return;
    }
    if (newest && newest.epoch > position.epoch) throw new EpochChangedError(position, newest.epoch);
    if (newest && newest.seq >= position.seq) {
      throw new PoisonRecordError(
        position.seq,
        'it was read before, and the ledger now holds another one or none there',
      );
    }
    throw new Error(
      `The ledger ends at record ${newest?.seq ?? 'none'}, but was read up to ${position.seq}: an older copy of it was ` +
        `restored. Bring back the newer one, or open a new epoch.`,
    );
  }

  /** Seq of the ledger's newest record, -1 where there is none. Looks after the position where the ledger was set back. */
  private async findNewest(): Promise<number> {
    const newest = await this.options.source.findNewest(this.options.reader.ledger);
    const isSetBack = newest === null || newest.seq < this.tail.seq || newest.epoch !== this.epochHeld;
    if (this.position && isSetBack) await this.requireHeld(this.position);
    return newest?.seq ?? -1;
  }

  /** Reads from the ledger up to `last`: the next page is on its way while the reader has this one. */
  private async fill(last: number): Promise<void> {
    const { source, reader } = this.options;
    const read = (from: number) => source.read(reader.ledger, from, Math.min(last - from + 1, limits.eventsPerSeal));
    let next = this.tail.seq < last ? read(this.tail.seq + 1) : null;
    while (next && !this.signal.aborted) {
      const page: readonly SealedRecord[] = await next;
      const newest = page.at(-1)?.seq;
      if (newest === undefined) throw await this.poison(this.tail.seq + 1, 'the ledger does not hold it');
      next = newest < last ? read(newest + 1) : null;
      next?.catch(() => undefined); // told when it is awaited, if it is
      for (const record of page) await this.append(record);
    }
  }

  /** A record from outside: it may be old, or of another ledger, or far ahead. */
  private async add(record: SealedRecord): Promise<void> {
    // One partition carries many ledgers, and an older epoch's records beyond the point from which a restore went on.
    if (this.signal.aborted || record.ledger !== this.options.reader.ledger || record.epoch < this.tail.epoch) return;
    if (record.seq <= this.tail.seq) {
      if (record.epoch > this.tail.epoch) await this.doubt();
    } else if (record.epoch > this.tail.epoch) {
      // No hash covers the epoch: the ledger's own copy is taken.
      await this.fill(record.seq);
    } else if (record.seq > this.tail.seq + 1) {
      await this.fill(record.seq - 1);
      await this.add(record);
    } else {
      await this.append(record);
    }
  }

  private async append(record: SealedRecord): Promise<void> {
    const wanted = this.tail.seq + 1;
    if (record.seq !== wanted) throw await this.poison(wanted, 'the ledger does not hold it');
    await this.verify(record);
    const bytes = record.envelope.length + (record.payload?.length ?? 0);
    const isFull = this.pending.length >= limits.eventsPerSeal || this.pendingBytes + bytes > limits.sealBytes;
    if (isFull) await this.handOver();
    this.pending.push(record);
    this.pendingBytes += bytes;
    this.tail = record;
  }

  private async verify(record: SealedRecord): Promise<void> {
    const { isContentIntact, payload } = this.inspect(record);
    const isPayloadMissing = payload === 'absent' && record.payloadState === 'present';
    if (!isContentIntact) throw await this.poison(record.seq, 'its hash is not that of what it holds');
    if (payload === 'payload_mismatch' || isPayloadMissing) {
      throw await this.poison(record.seq, 'its payload is not the one that was sealed');
    }
    if (equalBytes(record.prevHash, this.tail.hash)) return;
    await this.doubt();
    throw await this.poison(record.seq, 'it does not follow the record before it');
  }

  /** Something does not fit to what was read: the ledger says whether that still holds. */
  private async doubt(): Promise<void> {
    await this.handOver();
    if (this.position) await this.requireHeld(this.position);
  }

  /** The reader first gets what is sound before it. */
  private async poison(seq: number, reason: string): Promise<PoisonRecordError> {
    await this.handOver();
    return new PoisonRecordError(seq, reason);
  }

  private async handOver(): Promise<void> {
    const batch = this.pending;
    const [first] = batch;
    if (!first || this.signal.aborted) return;
    const { epoch, seq, hash } = this.tail;
    this.pending = [];
    this.pendingBytes = 0;
    try {
      await this.options.reader.apply(batch);
    } catch (error) {
      const isLater = error instanceof PoisonRecordError && error.seq > first.seq;
      if (isLater) await this.options.reader.apply(batch.filter((record) => record.seq < error.seq));
      throw error;
    }
    this.position = { epoch, seq, hash: toHex(hash) };
    this.progress();
  }

  private progress(): void {
    this.failures = 0;
    if (this.current.state === 'reading' && this.current.trouble) this.current = { state: 'reading', trouble: null };
  }
}
