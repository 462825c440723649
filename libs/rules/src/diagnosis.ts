import type { MetricValue } from './run-facts.js';

export interface CurvePoint {
  readonly step: number;
  readonly value: MetricValue;
  /** Of the same row; absent where the trainer logs none. */
  readonly grad_norm?: MetricValue;
}

export interface Diagnosis {
  /** Null: too few rows to tell. */
  readonly diagnosis: 'converging' | 'underfitting' | 'unstable' | 'broken' | 'overfitting' | null;
  /** The step since which it is so (overfitting: the best evaluation's, broken: the first bad row's); else null. */
  readonly since_step: number | null;
  /** In a person's words, with the numbers put in. */
  readonly sentence: string;
}

/**
 * What the curves say, after the document's pictures and the thresholds of its alerts. Points of the last attempt's row for
 * each step, ascending.
 */
export function diagnose(_loss: readonly CurvePoint[], _evalLoss: readonly CurvePoint[]): Diagnosis {
  return { diagnosis: null, since_step: null, sentence: '' };
}
