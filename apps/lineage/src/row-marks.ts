import type { Connection } from '@runseal/postgres';
import type { ProjectedRecord } from '@runseal/projections';
import type { LoggedRow } from '@runseal/rules';
import { doublesOf } from './metric-chunks.js';

/** By kind and attempt the highest (step, n) seen. */
export type RowMarks = Readonly<Record<string, readonly [step: number | null, n: number]>>;
type MutableMarks = Record<string, readonly [step: number | null, n: number]>;

/** Beyond so many marks of one run, the rows of further attempts are compared with those that are there. */
const MARKS_MAX = 3_000;

type MetricsRecord = ProjectedRecord<'run.metrics-logged'> & {
  readonly payload: NonNullable<ProjectedRecord<'run.metrics-logged'>['payload']>;
};

/** Rows of a run that may be there already: above no mark. */
interface Doubt {
  readonly run: string;
  readonly kind: string;
  readonly attempt: string;
  low: number;
  high: number;
}

/**
 * Tells new rows from repeated ones, by their key (run, attempt, kind, step, n); the first one stays, in whatever batches they
 * come. Rows usually rise, so a mark suffices; only where they do not, the keys that are there are read, once a batch.
 */
export class KnownRows {
  private readonly marks = new Map<string, { marks: MutableMarks; count: number }>();
  private readonly doubts = new Map<string, Doubt>();
  private readonly seen = new Map<string, Set<string>>();

  /** First pass: what must be looked up. `marksOf` gives a run's marks before this batch. */
  constructor(records: readonly MetricsRecord[], marksOf: (run: string) => RowMarks) {
    for (const { stream, payload } of records) {
      const run = runOf(stream);
      const held = this.hold(run, marksOf(run));
      for (const row of payload.rows) {
        if (!this.rise(held, payload.attempt, row)) this.doubt(run, payload.attempt, row);
      }
    }
    // The second pass begins where the first one did.
    this.marks.clear();
  }

  async load(connection: Connection): Promise<void> {
    const doubts = [...this.doubts.values()];
    if (doubts.length === 0) return;
    const result = await connection.query<{ run: string; kind: string; attempt: string; steps: Buffer; ns: Buffer }>({
      name: 'known-rows',
      text: `
select c.run, c.kind, c.attempt, c.steps, c.ns
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::float8[], $5::float8[]) as d (run, kind, attempt, low, high)
join metric_chunks c on c.run = d.run and c.kind = d.kind and c.attempt = d.attempt
where c.step_min is null or (c.step_max >= d.low and c.step_min <= d.high)`,
      values: [
        doubts.map(({ run }) => run),
        doubts.map(({ kind }) => kind),
        doubts.map(({ attempt }) => attempt),
        doubts.map(({ low }) => low),
        doubts.map(({ high }) => high),
      ],
    });
    for (const { run, kind, attempt, steps, ns } of result.rows) {
      const keys = this.keysOf(`${run} ${kind} ${attempt}`);
      const numbers = doublesOf(ns);
      doublesOf(steps).forEach((step, index) => keys.add(`${step} ${numbers[index]}`));
    }
  }

  /** Second pass, record by record in the ledger's order: the rows that are new, and the marks after them. */
  take(record: MetricsRecord, before: RowMarks): { kept: readonly LoggedRow[]; marks: RowMarks } {
    const run = runOf(record.stream);
    const held = this.hold(run, before);
    const { attempt, rows } = record.payload;
    const kept = rows.filter((row) => {
      const group = `${run} ${row.kind} ${attempt}`;
      const isAbove = this.rise(held, attempt, row);
      if (!this.doubts.has(group)) return true;
      const keys = this.keysOf(group);
      const key = `${row.step ?? Number.NaN} ${row.n}`;
      const isNew = isAbove || !keys.has(key);
      keys.add(key);
      return isNew;
    });
    return { kept: kept.length === rows.length ? rows : kept, marks: held.marks };
  }

  private hold(run: string, before: RowMarks) {
    let held = this.marks.get(run);
    if (!held) this.marks.set(run, (held = { marks: { ...before }, count: Object.keys(before).length }));
    return held;
  }

  /** Whether the row is above the mark, which it then moves. */
  private rise(held: { marks: MutableMarks; count: number }, attempt: string, { kind, step, n }: LoggedRow): boolean {
    const name = step === null ? `${kind} ${attempt} -` : `${kind} ${attempt}`;
    const mark = held.marks[name];
    if (mark && !isAbove(mark, step, n)) return false;
    if (!mark && held.count >= MARKS_MAX) return false;
    if (!mark) held.count += 1;
    held.marks[name] = [step, n];
    return true;
  }

  private doubt(run: string, attempt: string, { kind, step }: LoggedRow): void {
    const name = `${run} ${kind} ${attempt}`;
    const doubt = this.doubts.get(name) ?? { run, kind, attempt, low: Infinity, high: -Infinity };
    doubt.low = Math.min(doubt.low, step ?? -Infinity);
    doubt.high = Math.max(doubt.high, step ?? Infinity);
    this.doubts.set(name, doubt);
  }

  private keysOf(group: string): Set<string> {
    let keys = this.seen.get(group);
    if (!keys) this.seen.set(group, (keys = new Set()));
    return keys;
  }
}

const isAbove = (mark: readonly [number | null, number], step: number | null, n: number): boolean =>
  step === null ? n > mark[1] : step > (mark[0] as number) || (step === mark[0] && n > mark[1]);

const runOf = (stream: string): string => stream.slice(stream.indexOf('/') + 1);
