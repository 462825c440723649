import type { EventPayload, SubmittedEvent } from '@runseal/contracts';
import { readPages } from '../record-pages.js';
import type { Server } from '../server.js';
import { refuse } from './refuse.js';

type Row = EventPayload<'run.metrics-logged'>['rows'][number];
type Started = EventPayload<'run.started'>;

/** What an earlier import of the run has sealed. */
export interface SealedRun {
  readonly ids: ReadonlySet<string>;
  readonly start: Started | null;
  readonly startedAt: string | null;
  /** Ids of the attempts' events, in order. */
  readonly attempts: readonly string[];
  readonly rows: ReadonlyMap<string, Row>;
  /** Of the newest ending; null where there is none. */
  readonly endSeq: number | null;
  /** Attempts that are sealed as failed: that stays, whatever is sealed after it. */
  readonly failedAttempts: ReadonlySet<string | null>;
}

interface RecordAnswer {
  readonly seq: number;
  readonly envelope: string;
  readonly payload: string | null;
}

/** Reads the run's stream. Needs a key with the scope `read`: without it a changed row could not be told from a new one. */
export async function readSealedRun(server: Server, run: string): Promise<SealedRun> {
  const ids = new Set<string>();
  const attempts: string[] = [];
  const rows = new Map<string, Row>();
  const failedAttempts = new Set<string | null>();
  let [start, startedAt, endSeq]: [Started | null, string | null, number | null] = [null, null, null];
  for await (const { items } of readPages(server, { after: -1, stream: `run/${run}` })) {
    for (const { seq, envelope, payload } of items as RecordAnswer[]) {
      const { id, type, occurred_at } = JSON.parse(envelope) as SubmittedEvent;
      ids.add(id);
      if (type === 'run.attempt-started') attempts.push(id);
      if (type === 'run.finished' || type === 'run.failed') endSeq = seq;
      if (payload === null) continue; // pruned: its id still tells that it is there
      if (type === 'run.failed') failedAttempts.add((JSON.parse(payload) as EventPayload<'run.failed'>).attempt);
      if (type === 'run.metrics-logged') addRows(JSON.parse(payload) as EventPayload<'run.metrics-logged'>, rows);
      if (type === 'run.started' && start === null) [start, startedAt] = [JSON.parse(payload) as Started, occurred_at];
    }
  }
  return { ids, start, startedAt, attempts, rows, endSeq, failedAttempts };
}

export interface Difference {
  /** Events that are not in the ledger, in order. */
  readonly fresh: readonly SubmittedEvent[];
  /** Events whose id is sealed. */
  readonly known: number;
  /** Rows that were sealed before with fewer or more values, none of them different. */
  readonly toldOtherwise: number;
}

/**
 * The events that an import still has to seal. Refuses a row that is sealed with another value: a folder whose past changed is
 * not the folder that was imported. A row that another of the folder's files told before stays as it is sealed.
 */
export function subtractSealed(events: readonly SubmittedEvent[], sealed: SealedRun): Difference {
  let [known, toldOtherwise] = [0, 0];
  const fresh = events.filter((event) => {
    if (sealed.ids.has(event.id)) {
      known += 1;
      return false;
    }
    if (event.type === 'run.started' && sealed.start !== null) return false;
    if (event.type !== 'run.metrics-logged') return true;
    const { attempt, rows } = event.payload as EventPayload<'run.metrics-logged'>;
    const [row] = rows;
    const before = row && sealed.rows.get(keyOf(attempt, row));
    if (!row || !before) return true;
    requireSame(before, row);
    toldOtherwise += 1;
    return false;
  });
  return { fresh, known, toldOtherwise };
}

/** Refuses options that contradict the sealed start: it is not changed, and a run is not begun twice. */
export function requireSameStart(
  sealed: SealedRun,
  given: { experiment?: string | undefined; name?: string | undefined },
): void {
  for (const option of ['experiment', 'name'] as const) {
    const [was, is] = [sealed.start?.[option], given[option]];
    if (sealed.start === null || is === undefined || is === was) continue;
    refuse(
      `This run is sealed with ${option} ${JSON.stringify(was)}, --${option} says ${JSON.stringify(is)}. A sealed start stays: ` +
        `leave --${option} out, or import the folder as another run by --run.`,
    );
  }
}

function addRows({ attempt, rows: found }: EventPayload<'run.metrics-logged'>, rows: Map<string, Row>): void {
  for (const row of found) rows.set(keyOf(attempt, row), row);
}

const keyOf = (attempt: string, { kind, step, n }: Row) => `${attempt} ${kind} ${step} ${n}`;

function requireSame(before: Row, row: Row): void {
  for (const [name, value] of Object.entries(before.values)) {
    const now = row.values[name];
    if (now === undefined || now === value) continue;
    refuse(
      `A row changed since the last import: ${row.kind} row of step ${row.step} is sealed with ${name} ${value}, the folder now ` +
        `says ${now}. What is sealed stays. See who changed the file; a different run is imported by --run with a new id.`,
    );
  }
}
