import type { EventPayload } from '@runseal/contracts';
import { isNonFinite } from './metric-registry.js';
import type { Fault, MetricValue } from './run-facts.js';

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
}

/**
 * What the metric rows of a run amount to for audit record, completeness and compliance. The same whatever the order in which
 * rows are added; plain JSON.
 */
export interface RunRows {
  /** By attempt id. */
  readonly attempts: readonly AttemptRows[];
  /** Rows with an eval_loss, by step, n, attempt, kind; at most `rowsLimits.evaluations`, those of the highest steps. */
  readonly evaluations: readonly EvaluationRow[];
  readonly evaluations_left_out: number;
  readonly attempts_left_out: number;
}

/** Attempts with the highest ids, which are those that began last, and evaluations of the highest steps are kept. */
export const rowsLimits = { evaluations: 10_000, attempts: 1_000 } as const;

export function newRunRows(): RunRows {
  return { attempts: [], evaluations: [], evaluations_left_out: 0, attempts_left_out: 0 };
}

export interface RowsRecord {
  readonly seq: number;
  readonly attempt: string;
  readonly rows: readonly LoggedRow[];
}

/**
 * Adds the rows of one run.metrics-logged record. Feed every row of the run once, in any order and cut into whatever pieces:
 * of two with the same key (attempt, kind, step, n) only the one with the lower seq, as the read tables keep it. `rows`
 * itself is left as it is. Who keeps rows in a table can fill the same shape by a query instead.
 */
export function addRows(rows: RunRows, { seq, attempt, rows: logged }: RowsRecord): RunRows {
  const before = rows.attempts.find((known) => known.attempt === attempt) ?? { ...blankAttempt, attempt };
  const found: EvaluationRow[] = [];
  let { first_loss: first, last_loss: last, loss_rows } = before;
  for (const { kind, step, n, values } of logged) {
    if (step === null || kind === 'summary') continue;
    const loss = kind === 'train' ? lossOf(values) : null;
    if (loss !== null) {
      loss_rows += 1;
      const value = { step, n, value: loss, seq };
      if (first === null || compareRows(value, first) < 0) first = value;
      if (last === null || compareRows(value, last) > 0) last = value;
    }
    const evalLoss = evalLossOf(kind, values);
    if (evalLoss !== null) found.push({ attempt, kind, step, n, value: evalLoss, seq });
  }
  const evaluations = found.length === 0 ? rows.evaluations : merge(rows.evaluations, found);
  const beyond = Math.max(0, evaluations.length - rowsLimits.evaluations);
  return {
    ...withAttempt(rows, {
      attempt,
      rows: before.rows + logged.length,
      loss_rows,
      evaluation_rows: before.evaluation_rows + found.length,
      first_loss: first,
      last_loss: last,
    }),
    evaluations: beyond === 0 ? evaluations : evaluations.slice(beyond),
    evaluations_left_out: rows.evaluations_left_out + beyond,
  };
}

/** A training row's loss under any of its names; null where it has none. */
export const lossOf = (values: LoggedRow['values']): MetricValue | null =>
  values['loss'] ?? values['train_loss'] ?? values['train/loss'] ?? null;

/** Some trainers log the evaluation's loss in a training row, and name it plainly in an evaluation's. */
export const evalLossOf = (kind: LoggedRow['kind'], values: LoggedRow['values']): MetricValue | null =>
  values['eval_loss'] ?? values['eval/loss'] ?? (kind === 'eval' ? (values['loss'] ?? null) : null);

/** The evaluation of one attempt at one step: the first, unless `n` is given. Of one step several may tell of other weights. */
export function evaluationAt(
  rows: RunRows,
  at: { readonly attempt: string; readonly step: number; readonly n?: number },
): EvaluationRow | null {
  const { evaluations } = rows;
  for (let index = firstAtStep(evaluations, at.step); index < evaluations.length; index += 1) {
    const row = evaluations[index] as EvaluationRow;
    if (row.step !== at.step) break;
    if (row.attempt === at.attempt && (at.n === undefined || row.n === at.n)) return row;
  }
  return null;
}

/** The lowest finite eval_loss; of equal ones the first. */
export function bestEvaluation(evaluations: readonly EvaluationRow[]): EvaluationRow | null {
  let best: EvaluationRow | null = null;
  for (const row of evaluations) {
    if (!isNonFinite(row.value) && (best === null || row.value < Number(best.value))) best = row;
  }
  return best;
}

/** What of the rows is not kept, as faults to show beside those of the facts. */
export function faultsOfRows({ evaluations, evaluations_left_out, attempts_left_out }: RunRows): readonly Fault[] {
  const seq = evaluations.at(-1)?.seq ?? -1;
  const of = (subject: string, count: number, limit: number): Fault[] => {
    const words = `more than ${limit.toLocaleString('en')} ${subject}: not all are kept`;
    return count === 0 ? [] : [{ kind: 'limit_reached', subject, seq, last_seq: seq, count, words }];
  };
  return [
    ...of('evaluation rows', evaluations_left_out, rowsLimits.evaluations),
    ...of('attempts with rows', attempts_left_out, rowsLimits.attempts),
  ];
}

const blankAttempt = { rows: 0, loss_rows: 0, evaluation_rows: 0, first_loss: null, last_loss: null };

const compareTexts = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
const compareRows = (left: RowValue, right: RowValue): number => left.step - right.step || left.n - right.n;
const compareEvaluations = (left: EvaluationRow, right: EvaluationRow): number =>
  compareRows(left, right) ||
  compareTexts(left.attempt, right.attempt) ||
  compareTexts(left.kind, right.kind) ||
  left.seq - right.seq;

function withAttempt(rows: RunRows, changed: AttemptRows): RunRows {
  const index = rows.attempts.findIndex(({ attempt }) => attempt === changed.attempt);
  if (index !== -1) return { ...rows, attempts: rows.attempts.with(index, changed) };
  const attempts = [...rows.attempts, changed].sort((left, right) => compareTexts(left.attempt, right.attempt));
  if (attempts.length <= rowsLimits.attempts) return { ...rows, attempts };
  return { ...rows, attempts: attempts.slice(1), attempts_left_out: rows.attempts_left_out + 1 };
}

function merge(known: readonly EvaluationRow[], found: EvaluationRow[]): readonly EvaluationRow[] {
  found.sort(compareEvaluations);
  const last = known.at(-1);
  if (!last || compareEvaluations(last, found[0] as EvaluationRow) <= 0) return [...known, ...found];
  return [...known, ...found].sort(compareEvaluations);
}

function firstAtStep(evaluations: readonly EvaluationRow[], step: number): number {
  let [low, high] = [0, evaluations.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((evaluations[middle] as EvaluationRow).step < step) low = middle + 1;
    else high = middle;
  }
  return low;
}
