import type { Pool } from '@runseal/postgres';
import { canonicalMetric, type LoggedRow } from '@runseal/rules';
import type { AttemptColumns } from './curve.js';

export type MetricKind = LoggedRow['kind'];

/** A metric of one kind of rows, and in which column of which sets of names its values lie. */
export interface Series {
  readonly key: string;
  readonly kind: MetricKind;
  readonly columns: readonly { readonly keySet: string; readonly column: number; readonly keys: readonly string[] }[];
}

/** All series of a run, in order of kind and name. */
export async function findSeries(pool: Pool, run: string): Promise<Series[]> {
  const result = await pool.query<{ kind: MetricKind; key_set: string; keys: string[] }>({
    name: 'series-of-run',
    text: `
select r.kind, r.key_set, s.keys
from run_key_sets r
join metric_key_sets s on s.key_set = r.key_set
where r.run = $1
order by r.kind, r.first_seq, r.key_set`,
    values: [run],
  });
  const found = new Map<string, { key: string; kind: MetricKind; columns: Series['columns'][number][] }>();
  for (const { kind, key_set: keySet, keys } of result.rows) {
    keys.forEach((key, column) => {
      const name = `${kind} ${key}`;
      let series = found.get(name);
      if (!series) found.set(name, (series = { key, kind, columns: [] }));
      series.columns.push({ keySet, column, keys });
    });
  }
  const kinds: readonly MetricKind[] = ['train', 'eval', 'summary'];
  return [...found.values()].sort(
    (left, right) =>
      kinds.indexOf(left.kind) - kinds.indexOf(right.kind) ||
      (left.key < right.key ? -1 : Number(left.key > right.key)),
  );
}

/** Whether a caller who asks for `wanted` means this series: by its own name or by the one it is known under. */
export const isMeant = ({ key, kind }: Pick<Series, 'key' | 'kind'>, wanted: string): boolean =>
  key === wanted || canonicalMetric(key, kind) === wanted;

/** Stands in `beside` where a row lacks that metric. No norm is below 0. */
export const LACKS = -1;
// The double -1 as its bytes lie there.
const LACKS_HEX = '000000000000f0bf';

export interface ColumnsWanted {
  readonly run: string;
  readonly series: Series;
  /** Steps of interest; rows outside may come too. */
  readonly from?: number;
  readonly to?: number;
  /** A metric of the same rows; the epoch where none is named. */
  readonly beside?: string;
}

/** A series' values as they are kept, the columns of an attempt and a set of names at a time, joined in the ledger's order. */
export async function readColumns(pool: Pool, wanted: ColumnsWanted): Promise<AttemptColumns[]> {
  const { run, series, from = -Infinity, to = Infinity, beside } = wanted;
  const places = series.columns.map(({ keys }) => (beside === undefined ? null : keys.indexOf(beside)));
  const result = await pool.query<AttemptColumns>({
    name: 'columns-of-series',
    text: `
select c.attempt,
  string_agg(c.steps, ''::bytea order by c.seq, c.part) as steps,
  string_agg(c.ns, ''::bytea order by c.seq, c.part) as ns,
  string_agg(substring(c.data from 8 * c.rows * k.place + 1 for 8 * c.rows), ''::bytea order by c.seq, c.part) as values,
  string_agg(
    case
      when k.beside is null then c.epochs
      when k.beside < 0 then decode(repeat('${LACKS_HEX}', c.rows), 'hex')
      else substring(c.data from 8 * c.rows * k.beside + 1 for 8 * c.rows)
    end, ''::bytea order by c.seq, c.part) as beside
from metric_chunks c
join unnest($3::uuid[], $4::integer[], $5::integer[]) as k (key_set, place, beside) on k.key_set = c.key_set
where c.run = $1 and c.kind = $2
  and (c.step_min is null or (c.step_max >= $6 and c.step_min <= $7))
group by c.attempt, c.key_set`,
    values: [
      run,
      series.kind,
      series.columns.map(({ keySet }) => keySet),
      series.columns.map(({ column }) => column),
      places,
      from,
      to,
    ],
  });
  return result.rows;
}
