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
    read(`first ${metric}`, curve.values[0] as number, run.seqAt(curve, 0)),
    read(`last ${metric}`, curve.values[n - 1] as number, run.seqAt(curve, n - 1)),
  );
  const refusedAt = findRefused(run, curve, width);
  if (refusedAt >= 0) {
    const which = refusedAt < width ? 'first' : 'last';
    const explanation =
      `The ${which} ${counted(width, 'row')} hold one that stability refuses, at step ${curve.steps[refusedAt]} ` +
      `(record ${run.seqAt(curve, refusedAt)}): no trend can be read from them.`;
    return { verdict: 'fail', inputs, explanation };
  }
  const passes = direction === 'lower' ? end < goal : end > goal;
  const [endShown, goalShown] = shownBeside(end, goal);
  const explanation =
    `The median ${metric} of the last ${counted(width, 'row')} is ${endShown}, of the first ${width} ${shown(start)}` +
    `${start > 0 ? ` (ratio ${shown(end / start)})` : ''}${left}; wanted ${direction === 'lower' ? 'below' : 'above'} ${goalShown}.`;
  return { verdict: passes ? 'pass' : 'fail', inputs, explanation };
}

/** The first point in one of the windows that is refused or not finite; -1 where there is none. */
function findRefused(run: RunView, curve: Curve, width: number): number {
  const n = curve.values.length;
  for (let point = 0; point < n; point += 1) {
    if (point === width) point = Math.max(width, n - width);
    if (!Number.isFinite(curve.values[point]) || run.isRefused(curve, point)) return point;
  }
  return -1;
}

/** What comes after the last row of the warm-up. */
function leaveOutWarmup(curve: Curve, steps: number | null): Curve {
  const from = steps === null ? 0 : curve.steps.findLastIndex((step) => step <= steps) + 1;
  if (from === 0) return curve;
  const { values, steps: all, attempts, rows } = curve;
  return { values: values.slice(from), steps: all.slice(from), attempts: attempts.slice(from), rows: rows.slice(from) };
}
