import type { AttemptRows, Column, JudgeInput, RowKind } from './input.js';

/** A row's place among all. */
export interface RowPlace {
  readonly attempt: AttemptRows;
  readonly row: number;
}

/** One metric along the rows that led to the final weights. */
export interface Curve {
  readonly values: readonly number[];
  readonly steps: readonly number[];
  /** Where each stands: the number of its attempt in the input, and of its row in the attempt. */
  readonly attempts: readonly number[];
  readonly rows: readonly number[];
}

/**
 * A metric along the rows that led to the final weights: of every attempt behind them up to the step that the next one went on
 * from, and none after the step of the weights. Of rows with one key the first counts.
 */
export function curveOf(input: JudgeInput, metric: string): Curve {
  const values: number[] = [];
  const steps: number[] = [];
  const attempts: number[] = [];
  const places: number[] = [];
  for (const [number, attempt] of input.attempts.entries()) {
    const column = columnOf(attempt, metric);
    if (!column) continue;
    const { rows } = attempt;
    const until = lastStepOf(attempt, input);
    for (let row = 0; row < rows.kind.length; row += 1) {
      const value = column[row] ?? null;
      const step = rows.step[row] ?? null;
      if (value === null || step === null || step > until || isRepeated(attempt, row)) continue;
      values.push(value);
      steps.push(step);
      attempts.push(number);
      places.push(row);
    }
  }
  return { values, steps, attempts, rows: places };
}

/** The rows of a metric in every attempt behind the final weights, those that led nowhere too. */
export function columnOf({ rows }: AttemptRows, metric: string): Column | null {
  if (metric === 'loss' || metric === 'grad_norm' || metric === 'eval_loss') return rows[metric];
  return Object.hasOwn(rows.others, metric) ? (rows.others[metric] ?? null) : null;
}

/**
 * The row of the evaluation of the final weights that has a metric: the first at their step that is of them, else the first that
 * run.evaluated declares to be. An evaluation after the end carries the last step's number whatever weights were loaded, so a
 * declaration outweighs the step.
 */
export function findFinalEvaluation(input: JudgeInput, metric: string): RowPlace | null {
  const { weights } = input;
  if (!weights) return null;
  const declared = new Map(input.declaredRows.map((row) => [keyOf(row), row.isFinal]));
  let byDeclaration: RowPlace | null = null;
  for (const attempt of [...input.attempts].reverse()) {
    const column = columnOf(attempt, metric);
    if (!column) continue;
    const { rows } = attempt;
    const until = lastStepOf(attempt, input);
    for (let row = 0; row < rows.kind.length; row += 1) {
      if ((column[row] ?? null) === null || (rows.kind[row] === 'train' && metric !== 'eval_loss')) continue;
      const step = rows.step[row] ?? null;
      const isFinal = declared.size === 0 ? null : (declared.get(keyOf(rowKey(attempt, row))) ?? null);
      if (isFinal === false) continue;
      if (step === weights.step && step <= until) return { attempt, row };
      if (isFinal) byDeclaration ??= { attempt, row };
    }
  }
  return byDeclaration;
}

function lastStepOf({ until }: AttemptRows, { weights }: JudgeInput): number {
  return Math.min(until ?? Infinity, weights?.step ?? Infinity);
}

function isRepeated({ rows }: AttemptRows, row: number): boolean {
  const before = row - 1;
  return (
    before >= 0 &&
    rows.n[before] === rows.n[row] &&
    rows.kind[before] === rows.kind[row] &&
    rows.step[before] === rows.step[row]
  );
}

interface RowKey {
  readonly attempt: string;
  readonly kind: RowKind;
  readonly step: number | null;
  readonly n: number;
}

const rowKey = ({ attempt, rows }: AttemptRows, row: number): RowKey => ({
  attempt,
  kind: rows.kind[row] as RowKind,
  step: rows.step[row] ?? null,
  n: rows.n[row] as number,
});

const keyOf = ({ attempt, kind, step, n }: RowKey): string => `${attempt} ${kind} ${step} ${n}`;

/** The middle value, the mean of the two middle ones of an even count; NaN where one is NaN, or there is none. */
export function medianOf(values: readonly number[]): number {
  if (values.length === 0 || values.some(Number.isNaN)) return NaN;
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
