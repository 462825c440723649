import { perplexityOf } from '@runseal/rules';
import { columnOf, curveOf, findFinalEvaluation, meanOf, type Curve, type RowPlace } from './curve.js';
import type { AttemptRows, EvaluationSet, JudgeInput, Reference, ReferenceValue } from './input.js';
import { asMetricValue } from './verdict.js';
import { findRefusedRows, type RefusedRows } from './refused-rows.js';

/** A metric of the final weights. */
export interface FinalValue {
  readonly metric: string;
  readonly value: number;
  readonly seq: number;
  /** Of the row; null for a task metric. */
  readonly step: number | null;
  readonly standard_error: number | null;
  readonly set: EvaluationSet | null;
  /** `training`: the last of the training rows, no evaluation. */
  readonly source: 'evaluation' | 'task' | 'training';
}

/** The training loss that an evaluation is held against. */
export interface LossBeside {
  readonly mean: number;
  readonly rows: number;
  /** The rows of steps in (from, to]; `from` is null where no evaluation came before. */
  readonly from: number | null;
  readonly to: number;
}

/** What gates read of a run; what several of them need is computed once. */
export class RunView {
  private readonly curves = new Map<string, Curve>();
  private refused: readonly RefusedRows[] | null = null;

  constructor(
    readonly input: JudgeInput,
    private readonly deadRows: number,
  ) {}

  curve(metric: string): Curve {
    const known = this.curves.get(metric) ?? curveOf(this.input, metric);
    this.curves.set(metric, known);
    return known;
  }

  /** One an attempt. */
  get refusedRows(): readonly RefusedRows[] {
    return (this.refused ??= this.input.attempts.map((attempt) => findRefusedRows(attempt, this.deadRows)));
  }

  /** Whether the row of a point on a curve is refused. */
  isRefused({ attempts, rows }: Curve, point: number): boolean {
    return this.refusedRows[attempts[point] as number]?.flags[rows[point] as number] === 1;
  }

  /** The record of a point on a curve. */
  seqAt({ attempts, rows }: Curve, point: number): number {
    return this.input.attempts[attempts[point] as number]?.rows.seq[rows[point] as number] as number;
  }

  /**
   * A metric of the final weights: from the trainer's evaluation of them, from run.evaluated, or along the curve its last value.
   * Null where there is none.
   */
  findFinal(metric: string): FinalValue | null {
    if (metric === 'perplexity') return this.findPerplexity() ?? this.findLogged(metric);
    return this.findLogged(metric);
  }

  /** The mean loss of the rows since the evaluation before `step`; null where there is no such row. */
  findLossBeside(step: number): LossBeside | null {
    const from = this.curve('eval_loss').steps.reduce<number | null>(
      (newest, other) => (other < step && (newest === null || other > newest) ? other : newest),
      null,
    );
    const { values, steps } = this.curve('loss');
    const inside: number[] = [];
    for (let point = 0; point < steps.length; point += 1) {
      const at = steps[point] as number;
      if (at <= step && (from === null || at > from)) inside.push(values[point] as number);
    }
    return inside.length === 0 ? null : { mean: meanOf(inside), rows: inside.length, from, to: step };
  }

  findReference(key: string): Reference | null {
    return (Object.hasOwn(this.input.references, key) && this.input.references[key]) || null;
  }

  private findLogged(metric: string): FinalValue | null {
    const evaluation = findFinalEvaluation(this.input, metric);
    if (evaluation) return { ...this.valueAt(evaluation, metric), set: this.input.evaluationSet, source: 'evaluation' };
    const task = this.input.taskMetrics.filter(({ name }) => name === metric).at(-1);
    if (task) {
      const { value, seq, standard_error, set } = task;
      return { metric, value, seq, step: null, standard_error, set, source: 'task' };
    }
    // An evaluation metric has no value where the final weights were not evaluated: that of other weights is not theirs.
    const last = this.findLastTrained(metric);
    return last && metric !== 'eval_loss' ? { ...this.valueAt(last, metric), set: null, source: 'training' } : null;
  }

  private findLastTrained(metric: string): RowPlace | null {
    const { attempts, rows } = this.curve(metric);
    for (let point = rows.length - 1; point >= 0; point -= 1) {
      const attempt = this.input.attempts[attempts[point] as number] as AttemptRows;
      const row = rows[point] as number;
      if (attempt.rows.kind[row] === 'train') return { attempt, row };
    }
    return null;
  }

  private findPerplexity(): FinalValue | null {
    const loss = this.findLogged('eval_loss');
    if (!loss) return null;
    return { ...loss, metric: 'perplexity', value: perplexityAt(loss.value), standard_error: null };
  }

  private valueAt({ attempt, row }: RowPlace, metric: string): Omit<FinalValue, 'set' | 'source'> {
    return {
      metric,
      value: columnOf(attempt, metric)?.[row] as number,
      seq: attempt.rows.seq[row] as number,
      step: attempt.rows.step[row] ?? null,
      standard_error: null,
    };
  }
}

/** A metric's value in a reference; null where it has none. Perplexity follows from eval_loss. */
export function valueIn({ values }: Reference, metric: string): ReferenceValue | null {
  const value = Object.hasOwn(values, metric) ? (values[metric] ?? null) : null;
  if (value || metric !== 'perplexity' || !Object.hasOwn(values, 'eval_loss')) return value;
  const loss = values['eval_loss'] as ReferenceValue;
  return { ...loss, value: perplexityAt(loss.value), standard_error: null };
}

const perplexityAt = (loss: number): number => Number(perplexityOf(asMetricValue(loss)));
