import { readFileSync } from 'node:fs';
import type { Receipt, StoredRecord } from '@runseal/ledger';
import { waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';

const example = JSON.parse(
  readFileSync(new URL('../../libs/contracts/examples/run.metrics-logged.v1.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;

export type Submitted = Record<string, unknown> & { id: string };

export const metricsOf = (run: string, change: Record<string, unknown> = {}): Submitted => ({
  ...example,
  id: uuidv7(),
  stream: `run/${run}`,
  ...change,
});

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly receipts: Receipt[];
  readonly code: string | undefined;
}

/** Posts events once. Rejects where there is no answer. */
export async function post(url: string, key: string, events: readonly Submitted[], more: object = {}): Promise<Answer> {
  const response = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ events, ...more }),
    signal: AbortSignal.timeout(60_000),
  });
  const body = (await response.json()) as { receipts?: Receipt[]; code?: string };
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    receipts: body.receipts ?? [],
    code: body.code,
  };
}

/** Posts events until they are sealed, as a client does whose answer was lost. */
export async function postAtLast(url: string, key: string, events: readonly Submitted[]): Promise<Receipt[]> {
  const { receipts } = await waitFor('an answer', async () => {
    const answer = await post(url, key, events).catch(() => null);
    return answer?.status === 201 && answer;
  });
  return receipts;
}

/** Submits again and again and keeps of every request whether it was acknowledged or nothing is known of it. */
export class Load {
  readonly acknowledged: Receipt[] = [];
  readonly unknown: Submitted[][] = [];
  /** Answers that were neither 201 nor 503. */
  readonly strange: Answer[] = [];
  private isStopping = false;
  private workers: Promise<void>[] = [];

  /** `pause_ms` lies between two requests of a worker: for a stream that goes on for minutes and stays small. */
  constructor(
    private readonly key: string,
    private readonly pause_ms = 0,
  ) {}

  /** Starts so many workers, each on a run of its own. `url` is asked before each request, as the service may move. */
  start(count: number, url: () => string): void {
    this.isStopping = false;
    this.workers.push(...Array.from({ length: count }, () => this.work(url)));
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.workers);
    this.workers = [];
  }

  /** Waits until so many more events were acknowledged than now. */
  async grows(by: number, limit_ms = 20_000): Promise<void> {
    const wanted = this.acknowledged.length + by;
    await waitFor(`${wanted} acknowledged events`, () => this.acknowledged.length >= wanted, limit_ms);
  }

  private async work(url: () => string): Promise<void> {
    const run = uuidv7();
    for (let n = 0; !this.isStopping; n++) {
      const events = Array.from({ length: 1 + (n % 4) }, () => metricsOf(run));
      const answer = await post(url(), this.key, events).catch(() => null);
      if (answer?.status === 201) this.acknowledged.push(...answer.receipts);
      else this.unknown.push(events);
      if (answer && answer.status !== 201 && answer.status !== 503) this.strange.push(answer);
      // A service that is away refuses at once: no thousand requests a second against it.
      const pause_ms = answer ? this.pause_ms : Math.max(this.pause_ms, 20);
      if (pause_ms > 0) await new Promise((resolve) => setTimeout(resolve, pause_ms));
    }
  }

  /**
   * Every acknowledged event is the record that its receipt names; of the others each is there whole, once, or not at all; and
   * what is sent again gets the first receipt, or is sealed now.
   */
  async expectKept(readRecords: () => Promise<StoredRecord[]>, url: string): Promise<void> {
    expect(this.strange).toEqual([]);
    const before = await readRecords();
    const bySeq = new Map(before.map((record) => [record.seq, record]));
    const byId = new Map(before.map((record) => [record.event_id, record]));
    expect(byId.size).toBe(before.length);
    const lost = this.acknowledged.filter(({ id, seq, hash }) => {
      const record = bySeq.get(seq);
      return record?.event_id !== id || record.hash.toString('hex') !== hash;
    });
    expect(lost).toEqual([]);
    let sealedNow = 0;
    for (const events of this.unknown) {
      const stored = events.map(({ id }) => byId.get(id));
      const isThere = stored[0] !== undefined;
      expect(stored.map((record) => record !== undefined)).toEqual(events.map(() => isThere));
      const again = await postAtLast(url, this.key, events);
      expect(again.map(({ duplicate }) => duplicate)).toEqual(events.map(() => isThere));
      if (isThere) expect(again.map(({ seq }) => seq)).toEqual(stored.map((record) => record?.seq));
      else sealedNow += events.length;
    }
    expect((await readRecords()).length).toBe(before.length + sealedNow);
  }
}
