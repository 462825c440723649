import { Readable } from 'node:stream';
import { ServiceUnavailableException } from '@nestjs/common';
import { readRecords, toSealedRecord } from '@runseal/ledger';
import type { Pool } from '@runseal/postgres';
import { projectRecord } from '@runseal/projections';
import type { LiveRecord } from './graph-answers.js';

export interface LastSeen {
  readonly epoch: number;
  readonly seq: number;
}

export interface LiveRunsOptions {
  readonly ledger: string;
  readonly pool: Pool;
  readonly idle_ms?: number;
}

const READERS_MAX = 1_000;
const PAGE_RECORDS = 100;
/** One look at the tables serves all that wait, and comes no more often. */
const LOOK_MS = 100;
const IDLE_MS = 15_000;

/**
 * Records of a run as they are projected, for any number of readers. Nothing is kept for them: each reads on from the ledger
 * when it has taken what it had, so a slow one lags and costs no memory.
 */
export class LiveRuns {
  private readonly following = new Map<string, number>();
  private readers = 0;
  private look: Promise<ReadonlyMap<string, number>> | null = null;

  constructor(private readonly options: LiveRunsOptions) {}

  get readerCount(): number {
    return this.readers;
  }

  /**
   * The text of a stream of server-sent events (HTML standard, 9.2), a page of records at a time, and a comment first and where
   * nothing comes for 15 s. From the record after `last` on; null: from now on. Ends when `ending` is aborted.
   */
  follow(run: string, last: LastSeen | null, ending: AbortSignal): Readable {
    if (this.readers >= READERS_MAX) {
      throw new ServiceUnavailableException(`${READERS_MAX} readers follow runs here already.`);
    }
    const gone = new AbortController();
    const events = this.read(run, last, AbortSignal.any([ending, gone.signal]));
    return Readable.from({
      [Symbol.asyncIterator]: () => ({
        next: () => events.next(),
        // A generator that waits is not ended by this alone.
        return: () => {
          gone.abort();
          return events.return(undefined);
        },
      }),
    });
  }

  private async *read(run: string, last: LastSeen | null, ending: AbortSignal): AsyncGenerator<string> {
    this.enter(run, 1);
    try {
      const resumed = await this.resume(run, last);
      let seen = resumed ?? -1;
      // At once, so that the answer's head is sent.
      yield resumed === null ? 'event: reset\ndata: {}\n\n' : ': \n\n';
      let quiet_ms = 0;
      while (!ending.aborted) {
        const newest = (await this.findNewest()).get(run) ?? -1;
        while (seen < newest && !ending.aborted) {
          const page = await this.readPage(run, seen, newest);
          seen = page.at(-1)?.seq ?? newest;
          quiet_ms = 0;
          if (page.length > 0) yield page.map(eventText).join('');
        }
        quiet_ms += LOOK_MS;
        if (quiet_ms < (this.options.idle_ms ?? IDLE_MS)) continue;
        quiet_ms = 0;
        yield ': \n\n';
      }
    } finally {
      this.enter(run, -1);
    }
  }

  /** The seq after which to go on; null where the ledger no longer holds the record last seen. */
  private async resume(run: string, last: LastSeen | null): Promise<number | null> {
    if (last === null) return (await this.findNewest()).get(run) ?? -1;
    const { pool, ledger } = this.options;
    const [record] = await readRecords(pool, { ledger, from: last.seq, to: last.seq + 1, limit: 1 });
    return record?.epoch === last.epoch ? last.seq : null;
  }

  private async readPage(run: string, after: number, newest: number): Promise<LiveRecord[]> {
    const { pool, ledger } = this.options;
    const range = { ledger, stream: `run/${run}`, from: after + 1, to: newest + 1, limit: PAGE_RECORDS };
    const stored = await readRecords(pool, range);
    return stored.map((one) => {
      const { epoch, seq, id, type, version, actor, occurred_at, sealed_at, payload } = projectRecord(
        toSealedRecord(ledger, one),
      );
      return { epoch, seq, id, type, version, actor, occurred_at, sealed_at, payload };
    });
  }

  /** The newest projected record of each run that is followed. */
  private findNewest(): Promise<ReadonlyMap<string, number>> {
    return (this.look ??= this.lookSoon().finally(() => (this.look = null)));
  }

  private async lookSoon(): Promise<ReadonlyMap<string, number>> {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const result = await this.options.pool.query<{ run: string; newest_seq: number }>({
      name: 'newest-of-runs',
      text: 'select r.run, r.newest_seq from runs r where r.run = any ($1::uuid[])',
      values: [[...this.following.keys()]],
    });
    return new Map(result.rows.map(({ run, newest_seq }) => [run, newest_seq]));
  }

  private enter(run: string, by: 1 | -1): void {
    this.readers += by;
    const readers = (this.following.get(run) ?? 0) + by;
    if (readers === 0) this.following.delete(run);
    else this.following.set(run, readers);
  }
}

const eventText = (record: LiveRecord): string =>
  `id: ${record.epoch}/${record.seq}\nevent: record\ndata: ${JSON.stringify(record)}\n\n`;

/** Reads `Last-Event-ID`; null where there is none or it is not ours. */
export function parseLastSeen(text: string | undefined): LastSeen | null {
  const match = /^(\d{1,10})\/(\d{1,15})$/.exec(text ?? '');
  return match ? { epoch: Number(match[1]), seq: Number(match[2]) } : null;
}
