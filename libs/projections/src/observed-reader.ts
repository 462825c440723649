import type { ReadingState, RecordSource } from '@runseal/messaging';
import type { Projector } from './projector.js';

/** Another process may be the one that applies: then only its row tells how far it is. */
const LOOK_AGAIN_MS = 50;

export interface ReaderState {
  readonly position: { readonly epoch: number; readonly seq: number } | null;
  /** Sealed records that are not applied yet. */
  readonly lag_records: number;
  /** Since when the oldest of them is sealed; 0 where there is none, null where that cannot be told. */
  readonly lag_s: number | null;
  readonly stopped: { readonly seq: number; readonly reason: string } | null;
  /** Why it does not get on at the moment, though it keeps trying. */
  readonly trouble: string | null;
}

export interface ObservedReaderOptions {
  /** Known to routes and status by it: the service's name. */
  readonly name: string;
  readonly projector: Projector;
  readonly source: RecordSource;
  /** Of the reading in this process. */
  readonly state: () => ReadingState;
}

/** How far a projection is, as its service tells it and lets callers wait for it. What it tells is committed. */
export class ObservedReader {
  readonly name: string;
  private look: Promise<number> | null = null;

  constructor(private readonly options: ObservedReaderOptions) {
    this.name = options.name;
  }

  /** Read before a query, it is a position that the query's answer is at least as new as. */
  async findPosition(): Promise<{ readonly epoch: number; readonly seq: number } | null> {
    const position = await this.options.projector.readPosition();
    return position && { epoch: position.epoch, seq: position.seq };
  }

  async find(): Promise<ReaderState> {
    const { projector, source, state } = this.options;
    // In this order: the other way round, records applied in between would make a lag below nothing.
    const position = await this.findPosition();
    const newest = await source.findNewest(projector.ledger);
    const next = (position?.seq ?? -1) + 1;
    const lag_records = Math.max(0, (newest?.seq ?? -1) + 1 - next);
    const reading = state();
    return {
      position,
      lag_records,
      lag_s: lag_records === 0 ? 0 : await this.findAge(next),
      stopped: reading.state === 'stopped' ? { seq: reading.seq, reason: reading.reason } : null,
      trouble: reading.state === 'reading' ? reading.trouble : null,
    };
  }

  /** True once the position is at or beyond `seq`, false after `limit_ms`. */
  async waitFor(seq: number, limit_ms: number): Promise<boolean> {
    const deadline = performance.now() + limit_ms;
    let reached = (await this.findPosition())?.seq ?? -1;
    while (reached < seq && performance.now() < deadline) reached = await this.lookAgain();
    return reached >= seq;
  }

  /** All that wait share one look. */
  private lookAgain(): Promise<number> {
    this.look ??= this.options.projector
      .waitForMove(LOOK_AGAIN_MS)
      .then(() => this.findPosition())
      .then((position) => position?.seq ?? -1)
      .finally(() => (this.look = null));
    return this.look;
  }

  private async findAge(seq: number): Promise<number | null> {
    const { projector, source } = this.options;
    const [record] = await source.read(projector.ledger, seq, 1);
    if (!record) return null;
    const envelope = JSON.parse(Buffer.from(record.envelope).toString()) as { sealed_at: string };
    return Math.max(0, (Date.now() - Date.parse(envelope.sealed_at)) / 1_000);
  }
}
