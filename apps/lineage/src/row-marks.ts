import type { Connection } from '@runseal/postgres';
import type { ProjectedRecord } from '@runseal/projections';
import type { LoggedRow } from '@runseal/rules';
import { doublesOf } from './metric-chunks.js';

/** By kind and attempt the highest (step, n) seen. */
export type RowMarks = Readonly<Record<string, Mark>>;
type Mark = readonly [step: number | null, n: number];

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
  /** After this batch, of runs that rise throughout. */
  private readonly risen = new Map<string, HeldMarks>();
  private readonly doubted = new Map<string, HeldMarks>();
  private readonly doubts = new Map<string, Doubt>();
  private readonly seen = new Map<string, Set<string>>();

  /** Looks through the batch for what must be looked up. `marksOf` gives a run's marks before it. */
  constructor(records: readonly MetricsRecord[], marksOf: (run: string) => RowMarks) {
    for (const { stream, payload } of records) {
      const run = runOf(stream);
      let held = this.risen.get(run);
      if (!held) this.risen.set(run, (held = new HeldMarks(marksOf(run))));
      for (const row of held.rise(payload.attempt, payload.rows)) this.doubt(run, payload.attempt, row);
    }
  }

  async load(connection: Connection): Promise<void> {
    const doubts = [...this.doubts.values()];
    if (doubts.length === 0) return;
    const result = await connection.query<{
      run: string;
      kind: string;
      attempt: string;
      steps: Buffer;
      ns: Buffer | null;
    }>({
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
      const numbers = ns && doublesOf(ns);
      doublesOf(steps).forEach((step, index) => keys.add(`${step} ${numbers?.[index] ?? 0}`));
    }
  }

  /** Record by record in the ledger's order: the rows that are new, and the marks after them. `before`: the run's marks. */
  take(record: MetricsRecord, before: RowMarks): { kept: readonly LoggedRow[]; marks: RowMarks } {
    const run = runOf(record.stream);
    const { attempt, rows } = record.payload;
    const risen = this.risen.get(run);
    if (risen && !risen.hasDoubts) return { kept: rows, marks: risen.marks };
    let held = this.doubted.get(run);
    if (!held) this.doubted.set(run, (held = new HeldMarks(before)));
    const doubtful = new Set(held.rise(attempt, rows));
    const kept = rows.filter((row) => {
      const group = `${run} ${row.kind} ${attempt}`;
      if (!this.doubts.has(group)) return true;
      const keys = this.keysOf(group);
      const key = `${row.step ?? Number.NaN} ${row.n}`;
      const isNew = !doubtful.has(row) || !keys.has(key);
      keys.add(key);
      return isNew;
    });
    return { kept, marks: held.marks };
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

/** The marks of one run as they move through a batch. */
class HeldMarks {
  readonly marks: Record<string, Mark>;
  hasDoubts = false;
  private count: number;

  constructor(before: RowMarks) {
    this.marks = { ...before };
    this.count = Object.keys(before).length;
  }

  /** Moves the marks by the rows of one record, and returns those that are not above them. */
  rise(attempt: string, rows: readonly LoggedRow[]): LoggedRow[] {
    const doubtful: LoggedRow[] = [];
    let [kind, isStepless]: [string | null, boolean] = [null, false];
    let name = '';
    let mark: Mark | undefined;
    const keep = () => {
      if (mark) this.marks[name] = mark;
    };
    for (const row of rows) {
      const { step, n } = row;
      if (row.kind !== kind || (step === null) !== isStepless) {
        keep();
        [kind, isStepless] = [row.kind, step === null];
        name = isStepless ? `${kind} ${attempt} -` : `${kind} ${attempt}`;
        mark = this.marks[name];
      }
      const isNew = mark ? isAbove(mark, step, n) : this.count < MARKS_MAX;
      if (!isNew) doubtful.push(row);
      else {
        if (!mark) this.count += 1;
        mark = [step, n];
      }
    }
    keep();
    if (doubtful.length > 0) this.hasDoubts = true;
    return doubtful;
  }
}

const isAbove = (mark: Mark, step: number | null, n: number): boolean =>
  step === null ? n > mark[1] : step > (mark[0] as number) || (step === mark[0] && n > mark[1]);

const runOf = (stream: string): string => stream.slice(stream.indexOf('/') + 1);
