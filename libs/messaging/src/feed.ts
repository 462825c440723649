// The port through which sealed records reach a reader. Two adapters keep it: straight from the ledger, and over Kafka.
import type { SealedRecord } from '@runseal/chain';

/** How far a reader is: the last record that it applied. The hash tells a restored ledger from the one that was read. */
export interface Position {
  readonly epoch: number;
  readonly seq: number;
  /** 64 hex digits. */
  readonly hash: string;
}

/** Whoever keeps something from the records of one ledger. Its position is kept by itself, beside what it keeps. */
export interface FeedReader {
  /** Names the reader among all of the installation; readers of one name share the work, one at a time for a ledger. */
  readonly name: string;
  readonly ledger: string;
  /** Where it stands; null before its first record. Asked at the start, and whenever reading moves to this process. */
  findPosition(): Promise<Position | null>;
  /**
   * Takes consecutive verified records, the first being position + 1. Resolves once they and the position are kept.
   * Throws PoisonRecordError to stop, StaleReaderError where another process moved the position; anything else is tried again.
   */
  apply(records: readonly SealedRecord[]): Promise<void>;
  /**
   * Called where the ledger no longer holds the reader's position: a restored copy took its place under a new epoch. Resolves
   * once the reader stands at a position that the ledger holds, or at none; it is asked for it next. Never beside `apply`.
   * A reader without this method is stopped instead.
   */
  startOver?(lost: Position): Promise<void>;
}

/** Sealed records by seq, from the ledger itself: fills gaps, and serves rebuilds. */
export interface RecordSource {
  /** At most `limit` records of the ledger in order of seq, from `from` on; empty at its end. */
  read(ledger: string, from: number, limit: number): Promise<readonly SealedRecord[]>;
  /** Epoch and seq of the newest record; null while the ledger is empty. */
  findNewest(ledger: string): Promise<{ readonly epoch: number; readonly seq: number } | null>;
}

export type ReadingState =
  | { readonly state: 'reading'; readonly trouble: string | null }
  | {
      readonly state: 'stopped';
      readonly seq: number;
      readonly reason: string;
      /** `epoch_changed`: only a rebuild helps, from the ledger as it is now. */
      readonly cause: 'poison' | 'epoch_changed';
    };

/** A reader at work. */
export interface Reading {
  state(): ReadingState;
  /** Ends after the batch under way; safe to be called again. */
  stop(): Promise<void>;
}

export interface Feed {
  /** Starts to bring records to the reader, in order of seq, each at least once, until stopped. */
  start(reader: FeedReader): Promise<Reading>;
}

/** A record that the reader can never apply: wrong hash, a gap that the ledger cannot fill, an unknown type or version. */
export class PoisonRecordError extends Error {
  override readonly name = 'PoisonRecordError';

  constructor(
    readonly seq: number,
    reason: string,
    options: ErrorOptions = {},
  ) {
    super(`Record ${seq} cannot be applied: ${reason}`, options);
  }
}

/** The ledger no longer holds what a reader has applied: a restored copy took its place under a new epoch. */
export class EpochChangedError extends Error {
  override readonly name = 'EpochChangedError';

  constructor(
    readonly lost: Position,
    readonly epoch: number,
  ) {
    super(
      `The ledger was restored: in epoch ${epoch} it no longer holds record ${lost.seq} of epoch ${lost.epoch}, up to which ` +
        `was read. What was read must be built again.`,
    );
  }
}

/** Thrown by a reader whose position was moved by another process: it must read it again and apply nothing before. */
export class StaleReaderError extends Error {
  override readonly name = 'StaleReaderError';
}
