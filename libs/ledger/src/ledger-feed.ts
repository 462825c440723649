import { Intake, type Feed, type FeedReader, type Reading, type ReadingState } from '@runseal/messaging';
import type { Pool } from '@runseal/postgres';
import { SealedHints } from './ledger-feed-hints.js';
import { LedgerRecordSource } from './record-source.js';

export interface LedgerFeedOptions {
  /** Reads the ledger's view. */
  readonly pool: Pool;
  /** The same database by a direct connection, for LISTEN: past any pooler. */
  readonly url: string;
  /** A record whose hint was lost comes after so long at most. */
  readonly poll_ms?: number;
}

/**
 * The feed straight from the ledger: hints make it quick, polling makes it certain. It outlives restarts of Postgres. Readers of
 * one name in several processes are not kept apart here: each position row lets one of them through, the others skip.
 */
export class LedgerFeed implements Feed {
  private readonly hints: SealedHints;

  constructor(private readonly options: LedgerFeedOptions) {
    this.hints = new SealedHints(options.url);
  }

  async start(reader: FeedReader): Promise<Reading> {
    const { pool, poll_ms = 1_000 } = this.options;
    const intake = new Intake({ reader, source: new LedgerRecordSource(pool) });
    return new LedgerReading(intake, poll_ms, (wake) => this.hints.listen(reader.ledger, wake));
  }
}

class LedgerReading implements Reading {
  private readonly stopping = new AbortController();
  private readonly ended: Promise<void>;
  private wakeUp: (() => void) | null = null;
  private isHinted = false;

  constructor(
    private readonly intake: Intake,
    private readonly poll_ms: number,
    listen: (wake: () => void) => () => void,
  ) {
    const unlisten = listen(() => this.wake());
    this.ended = this.read().finally(unlisten);
  }

  state(): ReadingState {
    return this.intake.state;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.ended;
  }

  private async read(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted && !this.intake.isStopped) {
      this.isHinted = false;
      await this.intake.catchUp(signal);
      if (!this.isHinted && !signal.aborted) await this.rest();
    }
  }

  /** Until a hint or the next look. A hint that came while records were read is not lost. */
  private rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.poll_ms);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private wake(): void {
    this.isHinted = true;
    this.wakeUp?.();
  }
}
