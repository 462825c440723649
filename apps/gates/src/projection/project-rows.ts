import type { ProjectedRecord, RowOf } from '@runseal/projections';
import { evalLossOf, lossOf, type LoggedRow, type MetricValue } from '@runseal/rules';
import type { metricRows } from './tables.js';

/** What the three columns are read from: not repeated among the others. */
const OWN_COLUMNS = new Set([
  'loss',
  'train_loss',
  'train/loss',
  'grad_norm',
  'train/grad_norm',
  'eval_loss',
  'eval/loss',
]);

type MetricsRecord = ProjectedRecord & { readonly type: 'run.metrics-logged' };

/** The log rows of a record; none where they were pruned. */
export function rowsOfRecord({ seq, stream, payload }: MetricsRecord): RowOf<typeof metricRows>[] {
  if (payload === null) return [];
  const run = stream.slice('run/'.length);
  return payload.rows.map((row, place) => ({
    ...{ run, seq, place, attempt: payload.attempt, kind: row.kind, step: row.step, n: row.n },
    loss: asNumber(row.kind === 'train' ? lossOf(row.values) : null),
    grad_norm: asNumber(row.values['grad_norm'] ?? row.values['train/grad_norm'] ?? null),
    eval_loss: asNumber(evalLossOf(row.kind, row.values)),
    others: othersOf(row),
  }));
}

/** By the names that the trainer gave: the rules' names for them may change without the tables. */
function othersOf({ kind, values }: LoggedRow): string | null {
  const others = Object.entries(values).filter(
    ([name]) => !OWN_COLUMNS.has(name) || (kind === 'summary' && name === 'train_loss'),
  );
  return others.length === 0 ? null : JSON.stringify(Object.fromEntries(others));
}

const asNumber = (value: MetricValue | null): number | null => (value === null ? null : Number(value));
