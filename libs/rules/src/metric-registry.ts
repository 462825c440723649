import type { MetricValue } from './run-facts.js';

export interface MetricDefinition {
  readonly name: string;
  readonly unit: string | null;
  /** Which is better; null: neither, or it depends. */
  readonly direction: 'lower' | 'higher' | null;
  /** The range of values; null: unbounded, or as each value declares. */
  readonly scale: { readonly from: number; readonly to: number } | null;
  /** How several values of a run become one. */
  readonly aggregation: 'last' | 'best' | 'mean' | 'max' | 'sum';
  readonly aliases: readonly string[];
  /** Metric that it is computed from. */
  readonly derived_from: string | null;
}

/** The metrics that are known by name; others are kept, shown and never judged. */
export const metricRegistry: readonly MetricDefinition[] = [];

/** The registered name of a row's key, or the key itself. In rows of kind eval a bare `loss` is `eval_loss`. */
export function canonicalMetric(key: string, _kind: 'train' | 'eval' | 'summary' = 'train'): string {
  return key;
}
/** Null for a metric that is not registered or has no better side. */
export function directionOf(_metric: string): 'lower' | 'higher' | null {
  return null;
}
/** exp(eval_loss); "Infinity" above 709, where a double overflows. Non-finite strings: "NaN" stays, "-Infinity" is 0. */
export function perplexityOf(_evalLoss: MetricValue): MetricValue {
  return 'NaN';
}
/** "NaN", "Infinity" or "-Infinity". */
export const isNonFinite = (value: MetricValue): boolean => typeof value === 'string';
