import type { EventPayload } from '@runseal/contracts';
import type { MetricValue } from './run-facts.js';

/** A row of run.metrics-logged. */
export type LoggedRow = EventPayload<'run.metrics-logged'>['rows'][number];

/** One value of a row, and where it stands. */
export interface RowValue {
  readonly step: number;
  readonly n: number;
  readonly value: MetricValue;
  /** The run.metrics-logged record that holds the row. */
  readonly seq: number;
}
export interface EvaluationRow extends RowValue {
  readonly attempt: string;
  readonly kind: 'train' | 'eval';
}

export interface AttemptRows {
  readonly attempt: string;
  readonly rows: number;
  readonly loss_rows: number;
  readonly evaluation_rows: number;
  /** First and last row with a loss, by step, then n. */
  readonly first_loss: RowValue | null;
  readonly last_loss: RowValue | null;
  /** Lowest finite eval_loss. */
  readonly best_eval_loss: RowValue | null;
}

/**
 * What the metric rows of a run amount to for audit record, completeness and compliance. The same whatever the order in which
 * rows are added; plain JSON.
 */
export interface RunRows {
  /** By attempt id. */
  readonly attempts: readonly AttemptRows[];
  /** Rows with an eval_loss, by step, n, attempt; the `rowsLimits.evaluations` of the highest steps. */
  readonly evaluations: readonly EvaluationRow[];
  readonly evaluations_left_out: number;
  readonly attempts_left_out: number;
}

export const rowsLimits = { evaluations: 10_000, attempts: 1_000 } as const;

export function newRunRows(): RunRows {
  return { attempts: [], evaluations: [], evaluations_left_out: 0, attempts_left_out: 0 };
}

/**
 * Adds the rows of one run.metrics-logged record. Feed every row of the run once, in any order: of two with the same key
 * (attempt, kind, step, n) only the one with the lower seq, as the read tables keep it. `rows` itself is left as it is.
 */
export function addRows(rows: RunRows, _record: { seq: number; attempt: string; rows: readonly LoggedRow[] }): RunRows {
  return rows;
}
