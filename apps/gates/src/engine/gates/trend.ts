import { medianOf, type Curve } from '../curve.js';
import type { ConvergenceGate, TrendGate } from '../policy/policy.js';
import type { RunView } from '../run-view.js';
import { read, type Finding } from '../verdict.js';
import { counted, shown, shownBeside } from '../words.js';
import { changed } from './compare.js';

/** G2: the loss went down. */
export const judgeConvergence = (gate: ConvergenceGate, run: RunView): Finding =>
  judgeWindows({ ...gate, metric: 'loss', direction: 'lower' }, run);

export const judgeTrend = (gate: TrendGate, run: RunView): Finding => judgeWindows(gate, run);

type Windows = Omit<TrendGate, 'id' | 'check' | 'severity' | 'shadow' | 'off'>;

/**
 * The median of the last w rows is better than that of the first w, w = max(window_min, ceil(share x n)), warm-up left out. A
 * window that holds a row which G1 refuses fails: a poisoned run that logs 0.0 would converge best of all.
 */
function judgeWindows(gate: Windows, run: RunView): Finding {
  const { metric, direction, improvement, rows_min } = gate;
  const { warmupSteps } = run.input;
  const curve = leaveOutWarmup(run.curve(metric), warmupSteps?.value ?? null);
  const n = curve.values.length;
  const left =
    warmupSteps && warmupSteps.value > 0 ? `, the ${counted(warmupSteps.value, 'warm-up step')} left out` : '';
  const inputs = [read('rows', n), ...(warmupSteps ? [read('warm-up steps', warmupSteps.value, warmupSteps.seq)] : [])];
  if (n < rows_min) {
    const explanation = `There are ${counted(n, 'row')} with ${metric}${left}; at least ${rows_min} are wanted to see a trend.`;
    return { verdict: 'missing', inputs, explanation };
  }
  const width = Math.min(n, Math.max(gate.window_min, Math.ceil(Number((gate.window_share * n).toPrecision(12)))));
  const [first, last] = [curve.values.slice(0, width), curve.values.slice(n - width)];
  const [start, end] = [medianOf(first), medianOf(last)];
  const goal = changed(start, direction === 'lower' ? 'down' : 'up', improvement);
  inputs.push(
    read('rows a window', width),
    read(`median ${metric} of the first rows`, start),
    read(`median ${metric} of the last rows`, end),
    read(`first ${metric}`, curve.values[0] as number, seqAt(curve, 0)),
    read(`last ${metric}`, curve.values[n - 1] as number, seqAt(curve, n - 1)),
  );
  const refusedAt = curve.places.findIndex(
    (place, row) => (row < width || row >= n - width) && isRefused(run, place, curve.values[row] as number),
  );
  if (refusedAt >= 0) {
    const which = refusedAt < width ? 'first' : 'last';
    const explanation =
      `The ${which} ${counted(width, 'row')} hold one that stability refuses, at step ${curve.steps[refusedAt]} ` +
      `(record ${seqAt(curve, refusedAt)}): no trend can be read from them.`;
    return { verdict: 'fail', inputs, explanation };
  }
  const passes = direction === 'lower' ? end < goal : end > goal;
  const [endShown, goalShown] = shownBeside(end, goal);
  const explanation =
    `The median ${metric} of the last ${counted(width, 'row')} is ${endShown}, of the first ${width} ${shown(start)}` +
    `${start > 0 ? ` (ratio ${shown(end / start)})` : ''}${left}; wanted ${direction === 'lower' ? 'below' : 'above'} ${goalShown}.`;
  return { verdict: passes ? 'pass' : 'fail', inputs, explanation };
}

const isRefused = (run: RunView, place: Curve['places'][number], value: number): boolean =>
  !Number.isFinite(value) || run.isRefused(place);

function leaveOutWarmup(curve: Curve, steps: number | null): Curve {
  if (steps === null || steps <= 0) return curve;
  const kept = curve.steps.flatMap((step, row) => (step > steps ? [row] : []));
  return {
    values: kept.map((row) => curve.values[row] as number),
    steps: kept.map((row) => curve.steps[row] as number),
    places: kept.map((row) => curve.places[row] as Curve['places'][number]),
  };
}

function seqAt({ places }: Curve, row: number): number {
  const { attempt, row: at } = places[row] as Curve['places'][number];
  return attempt.rows.seq[at] as number;
}
