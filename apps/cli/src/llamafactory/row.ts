import type { EventPayload } from '@runseal/contracts';

export type Values = EventPayload<'run.metrics-logged'>['rows'][number]['values'];

/** A row as the trainer logged it, before it is numbered. */
export interface Row {
  readonly kind: 'train' | 'eval' | 'summary';
  /** Null in summary rows only. */
  readonly step: number | null;
  readonly epoch: number | null;
  readonly values: Values;
}

/** A number of the trainer as events have it, or null for what is none. Python writes NaN and Infinity; both files hold them. */
export function metricOf(value: unknown): Values[string] | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : (String(value) as 'NaN');
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? value : null;
}

/** Keys tell rows apart: train_loss comes once, at the end; an evaluation puts eval_ before each of its metrics. */
export function kindOf(values: Values): Row['kind'] {
  if ('loss' in values) return 'train';
  if ('train_loss' in values) return 'summary';
  for (const key in values) if (key.startsWith('eval_')) return 'eval';
  return 'total_flos' in values || 'train_samples_per_second' in values ? 'summary' : 'train';
}

export function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Null for what an integer member of an event does not take. */
export function countOrNull(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}
