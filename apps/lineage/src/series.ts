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

/** What is read beside a series' values, from the same rows. NaN: the row has no epoch. */
export type Beside = { readonly epoch: true } | { readonly norm: string };
/** Stands where a row lacks a norm: none is below 0. */
export const LACKS = -1;
// The doubles -1 and NaN as their bytes lie there.
const LACKS_HEX = '000000000000f0bf';
const NAN_HEX = '000000000000f87f';

export interface ColumnsWanted {
  readonly run: string;
  readonly series: Series;
  /** Steps of interest; rows outside may come too. */
  readonly from?: number;
  readonly to?: number;
  readonly beside: readonly Beside[];
}

/**
 * A series' values as they are kept, then what is wanted beside them, in the ledger's order: a part for each line of the table.
 * A line's bytes travel as one value, in base64: the driver's own form for bytes is half as long again. Joined over lines they
 * would be a few very long values, over which the driver takes several times as long.
 */
export async function readColumns(pool: Pool, wanted: ColumnsWanted): Promise<AttemptColumns[]> {
  const { run, series, from = -Infinity, to = Infinity, beside } = wanted;
  const values: unknown[] = [run, series.kind, from, to, series.columns.map(({ keySet }) => keySet)];
  const places = [series.columns.map(({ column }) => column)];
  const columns = [slice('place_0')];
  for (const one of beside) {
    if ('epoch' in one) columns.push(`coalesce(c.epochs, ${filled(NAN_HEX)})`);
    else {
      places.push(series.columns.map(({ keys }) => keys.indexOf(one.norm)));
      const place = `place_${places.length - 1}`;
      columns.push(`case when k.${place} < 0 then ${filled(LACKS_HEX)} else ${slice(place)} end`);
    }
  }
  values.push(...places);
  const text = `
select c.attempt, c.seq, c.part, c.ns is not null, encode(c.steps || ${columns.join(' || ')} || coalesce(c.ns, ''), 'base64')
from metric_chunks c
join unnest($5::uuid[], ${places.map((_, index) => `$${index + 6}::integer[]`).join(', ')})
  as k (key_set, ${places.map((_, index) => `place_${index}`).join(', ')}) on k.key_set = c.key_set
where c.run = $1 and c.kind = $2 and (c.step_min is null or (c.step_max >= $3 and c.step_min <= $4))`;
  const result = await pool.query<[string, string, number, boolean, string]>({ text, values, rowMode: 'array' });
  // Here rather than there: the database would sort the bytes along, and write them to disk for it.
  const rows = result.rows.sort((left, right) => Number(left[1]) - Number(right[1]) || left[2] - right[2]);
  return rows.map(([attempt, , , hasNumbers, base64]) => {
    const bytes = Buffer.from(base64, 'base64');
    const length = bytes.length / (columns.length + (hasNumbers ? 2 : 1));
    const column = (place: number) => bytes.subarray(length * place, length * (place + 1));
    const ns = hasNumbers ? column(columns.length + 1) : null;
    return { attempt, steps: column(0), ns, columns: columns.map((_, index) => column(index + 1)) };
  });
}

const slice = (place: string): string => `substring(c.data from 8 * c.rows * k.${place} + 1 for 8 * c.rows)`;
const filled = (hex: string): string => `decode(repeat('${hex}', c.rows), 'hex')`;
