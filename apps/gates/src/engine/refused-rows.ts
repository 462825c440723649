import type { AttemptRows, Rows } from './input.js';

/** A value for which a row is refused. */
export interface RefusedValue {
  readonly attempt: string;
  readonly metric: 'loss' | 'grad_norm' | 'eval_loss';
  readonly step: number | null;
  readonly value: number;
  readonly seq: number;
  readonly why: 'nonfinite' | 'zero' | 'dead';
}

export interface RefusedRows {
  /** One byte a row, 1 where it is refused. */
  readonly flags: Uint8Array;
  readonly values: readonly RefusedValue[];
  readonly total: number;
  readonly loss_rows: number;
}

/** Enough for a sentence and the verdict's inputs; the rest is counted. */
const VALUES_MAX = 50;

/**
 * The rows of an attempt that no sound training logs: a value that is not finite; a loss of exactly 0, unless the row's own
 * grad_norm is finite and above 0 (older trainers round a tiny loss to 0.0); `deadRows` rows in a row whose grad_norm is exactly
 * 0, looking at the rows that have one.
 */
export function findRefusedRows({ attempt, rows }: AttemptRows, deadRows: number): RefusedRows {
  const flags = new Uint8Array(rows.kind.length);
  const values: RefusedValue[] = [];
  let total = 0;
  let loss_rows = 0;
  const refuse = (row: number, metric: RefusedValue['metric'], why: RefusedValue['why']) => {
    flags[row] = 1;
    total += 1;
    if (values.length < VALUES_MAX) {
      const value = rows[metric][row] as number;
      values.push({ attempt, metric, step: rows.step[row] ?? null, value, seq: rows.seq[row] as number, why });
    }
  };
  let zeros: number[] = [];
  for (let row = 0; row < flags.length; row += 1) {
    const loss = rows.loss[row] ?? null;
    const gradNorm = rows.grad_norm[row] ?? null;
    const evalLoss = rows.eval_loss[row] ?? null;
    if (loss !== null) {
      loss_rows += 1;
      if (!Number.isFinite(loss)) refuse(row, 'loss', 'nonfinite');
      else if (loss === 0 && !isSoundGradient(gradNorm)) refuse(row, 'loss', 'zero');
    }
    if (evalLoss !== null && !Number.isFinite(evalLoss)) refuse(row, 'eval_loss', 'nonfinite');
    if (gradNorm === null) continue;
    if (!Number.isFinite(gradNorm)) refuse(row, 'grad_norm', 'nonfinite');
    if (gradNorm !== 0) {
      zeros = [];
      continue;
    }
    zeros.push(row);
    if (zeros.length === deadRows) for (const zero of zeros) refuse(zero, 'grad_norm', 'dead');
    else if (zeros.length > deadRows) refuse(row, 'grad_norm', 'dead');
  }
  return { flags, values, total, loss_rows };
}

/** How many rows have a loss. */
export const countLossRows = (rows: Rows): number =>
  rows.loss.reduce<number>((sum, loss) => sum + (loss === null ? 0 : 1), 0);

const isSoundGradient = (value: number | null): boolean => value !== null && Number.isFinite(value) && value > 0;
