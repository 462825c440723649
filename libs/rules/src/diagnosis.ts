import { isNonFinite } from './metric-registry.js';
import type { MetricValue } from './run-facts.js';

export interface CurvePoint {
  readonly step: number;
  readonly value: MetricValue;
  /** Of the same row; absent where the trainer logs none. */
  readonly grad_norm?: MetricValue | null;
}

export interface Diagnosis {
  /** Null: too few rows to tell. */
  readonly diagnosis: 'converging' | 'underfitting' | 'unstable' | 'broken' | 'overfitting' | null;
  /** The step since which it is so (overfitting: the best evaluation's, broken: the first bad row's); else null. */
  readonly since_step: number | null;
  /** In a person's words, with the numbers put in. */
  readonly sentence: string;
}

/** Below it losses are near zero, and ratios of them mean nothing (GATES.md, Alerts). */
const NEAR_ZERO = 0.2;
const OSCILLATION_ROWS = 20;
const ROWS_MIN = 6;

/**
 * What the curves say, after the document's pictures and the thresholds of GATES.md's alerts: broken, then overfitting, then
 * unstable, then underfitting, else converging. Points in order of steps, of each step the last attempt's row.
 */
export function diagnose(loss: readonly CurvePoint[], evalLoss: readonly CurvePoint[]): Diagnosis {
  const broken = findBroken(loss) ?? findNonFinite('eval_loss', evalLoss);
  if (broken) return broken;
  if (loss.length < ROWS_MIN) {
    const rows = loss.length === 1 ? '1 loss row' : `${loss.length} loss rows`;
    return { diagnosis: null, since_step: null, sentence: `${rows}: too few to tell, wanted ${ROWS_MIN}.` };
  }
  const values = loss.map(({ value }) => Number(value));
  return findOverfitting(values, evalLoss) ?? findOscillation(values) ?? findPlateau(values);
}

function findNonFinite(name: string, points: readonly CurvePoint[]): Diagnosis | null {
  const bad = points.find(({ value }) => isNonFinite(value));
  return bad ? broken(bad.step, `${name} is ${bad.value} at step ${bad.step}: training broke there.`) : null;
}

const broken = (since_step: number, sentence: string): Diagnosis => ({ diagnosis: 'broken', since_step, sentence });

/** The rows that G1 refuses. */
function findBroken(loss: readonly CurvePoint[]): Diagnosis | null {
  let dead = 0;
  for (const { step, value, grad_norm } of loss) {
    if (isNonFinite(value)) return broken(step, `loss is ${value} at step ${step}: training broke there.`);
    if (grad_norm != null && isNonFinite(grad_norm)) {
      return broken(step, `grad_norm is ${grad_norm} at step ${step}: training broke there.`);
    }
    if (value === 0 && !(typeof grad_norm === 'number' && grad_norm > 0)) {
      return broken(step, `loss is exactly 0 at step ${step}, which a trainer writes where it replaced a NaN.`);
    }
    dead = grad_norm === 0 ? dead + 1 : 0;
    if (dead === 3)
      return broken(step, `grad_norm is exactly 0 three times in a row at step ${step}: nothing is learned.`);
  }
  return null;
}

const OVERFIT_FACTOR = 1.02;
const OVERFIT_EVALUATIONS = 3;

/** The last three evaluations are 2 % above the best, while the training loss still falls. */
function findOverfitting(loss: readonly number[], evalLoss: readonly CurvePoint[]): Diagnosis | null {
  const best = evalLoss.reduce<CurvePoint | null>(
    (lowest, point) => (lowest === null || Number(point.value) < Number(lowest.value) ? point : lowest),
    null,
  );
  if (!best || !(Number(best.value) > 0)) return null;
  const since = evalLoss.slice(evalLoss.indexOf(best) + 1).slice(-OVERFIT_EVALUATIONS);
  const limit = OVERFIT_FACTOR * Number(best.value);
  const isAbove = since.length === OVERFIT_EVALUATIONS && since.every(({ value }) => Number(value) >= limit);
  const half = Math.floor(loss.length / 2);
  if (!isAbove || median(loss.slice(half)) >= median(loss.slice(0, half))) return null;
  const last = since.at(-1) as CurvePoint;
  return {
    diagnosis: 'overfitting',
    since_step: best.step,
    sentence: `eval_loss was best at step ${best.step} (${round(Number(best.value))}) and is ${round(Number(last.value))} at step ${last.step}, while loss falls: stop at step ${best.step}.`,
  };
}

/** Around its own trend the loss jumps by more than a quarter of its mean, up and down in turn. */
function findOscillation(loss: readonly number[]): Diagnosis | null {
  if (loss.length < OSCILLATION_ROWS) return null;
  const last = loss.slice(-OSCILLATION_ROWS);
  const mean = average(last);
  if (median(last) < NEAR_ZERO || !(mean > 0)) return null;
  const share = Math.sqrt(average(detrended(last).map((value) => value * value))) / mean;
  const turns = last.slice(2).filter((value, index) => {
    const [first, second] = [last[index] as number, last[index + 1] as number];
    return (second - first) * (value - second) < 0;
  }).length;
  if (share <= 0.25 || turns / (last.length - 2) <= 0.7) return null;
  return {
    diagnosis: 'unstable',
    since_step: null,
    sentence: `loss jumps up and down by ${round(100 * share)} % of its mean in the last ${OSCILLATION_ROWS} rows: try a lower learning rate.`,
  };
}

/** The last fifth is hardly below the first tenth. */
function findPlateau(loss: readonly number[]): Diagnosis {
  const first = median(loss.slice(0, Math.max(1, Math.ceil(loss.length * 0.1))));
  const last = median(loss.slice(-Math.max(1, Math.ceil(loss.length * 0.2))));
  if (last >= 0.98 * first) {
    const sentence = `loss is ${round(last)} at the end and was ${round(first)} at the start: it does not fall.`;
    return { diagnosis: 'underfitting', since_step: null, sentence };
  }
  const sentence = `loss falls from ${round(first)} to ${round(last)}.`;
  return { diagnosis: 'converging', since_step: null, sentence };
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >>> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** What is left beside the straight line of least squares. */
function detrended(values: readonly number[]): number[] {
  const [meanX, meanY] = [(values.length - 1) / 2, average(values)];
  let [covariance, variance] = [0, 0];
  values.forEach((value, index) => {
    covariance += (index - meanX) * (value - meanY);
    variance += (index - meanX) ** 2;
  });
  return values.map((value, index) => value - meanY - (covariance / variance) * (index - meanX));
}

const round = (value: number): string => String(Number(value.toPrecision(4)));
