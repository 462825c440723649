import type { MetricValue, Series } from './answers.js';
import { unitOf } from './metric-units.js';

/** Curves that share one picture, aligned to the steps, or minutes, that any of them has. */
export interface Chart {
  readonly title: string;
  readonly unit: string | null;
  readonly curves: readonly Curve[];
  readonly steps: readonly number[];
  /** What one of `steps` is. */
  readonly axis: 'step' | 'minute';
  /** Points that are drawn, and points that there are. */
  readonly shown: number;
  readonly total: number;
  readonly isSampled: boolean;
  /** Whether it tells little of the run: how long an evaluation took, and the like. */
  readonly isMinor: boolean;
  readonly nonfinite: readonly { readonly step: number; readonly curve: string; readonly value: string }[];
}

export interface Curve {
  readonly label: string;
  readonly kind: string;
  /** One for each of the chart's steps: undefined where the curve has no row, null where its value cannot be drawn. */
  readonly heights: readonly (number | null | undefined)[];
  readonly values: readonly (MetricValue | undefined)[];
}

/** Curves that are read together: a rising eval_loss means something beside a falling loss. */
const TOGETHER: readonly (readonly [title: string, keys: readonly string[]])[] = [['loss', ['loss', 'eval_loss']]];
const FIRST = ['loss', 'grad_norm', 'learning_rate'];
const MINOR = /^epoch$|_runtime$|_per_second$/;

/** The charts of a run: loss with eval_loss, grad_norm, learning_rate, then the others by name. Summary rows are no curves. */
export function chartsOf(series: readonly Series[]): Chart[] {
  const groups = new Map<string, Series[]>();
  for (const one of series.filter(({ kind }) => kind !== 'summary')) {
    const title = TOGETHER.find(([, keys]) => keys.includes(one.key))?.[0] ?? one.key;
    groups.set(title, [...(groups.get(title) ?? []), one]);
  }
  return [...groups]
    .sort(([one], [other]) => rank(one) - rank(other) || (one < other ? -1 : 1))
    .map(([title, group]) => chartOf(title, group));
}

function rank(title: string): number {
  if (FIRST.includes(title)) return FIRST.indexOf(title);
  return FIRST.length + (MINOR.test(title) ? 1 : 0);
}

/** Values that the trainer reported once, at the end. */
export const summaryOf = (series: readonly Series[]): { key: string; value: MetricValue }[] =>
  series
    .filter(({ kind }) => kind === 'summary')
    .flatMap(({ key, points }) => points.slice(-1).map(([, value]) => ({ key, value })));

function chartOf(title: string, group: readonly Series[]): Chart {
  const ordered = [...group].sort((one, other) => order(one) - order(other));
  // Two rows of one step, as of an evaluation after training: the later one stands.
  const byStep = ordered.map(({ points }) => new Map(points.filter(isPlaced)));
  const steps = [...new Set(byStep.flatMap((values) => [...values.keys()]))].sort((one, other) => one - other);
  const curves = ordered.map((one, index) => {
    const values = steps.map((step) => byStep[index]?.get(step));
    const isAlone = ordered.filter(({ key }) => key === one.key).length === 1;
    return {
      label: isAlone ? one.key : `${one.key} (${one.kind})`,
      kind: one.kind,
      values,
      heights: values.map((value) => (typeof value === 'string' ? null : value)),
    };
  });
  return {
    title,
    unit: unitOf(ordered[0]?.key ?? title),
    curves,
    steps,
    axis: 'step',
    shown: ordered.reduce((sum, { points }) => sum + points.length, 0),
    total: ordered.reduce((sum, one) => sum + one.total, 0),
    isSampled: ordered.some((one) => one.isSampled),
    isMinor: MINOR.test(title),
    nonfinite: steps.flatMap((step, at) =>
      curves.flatMap(({ label, values }) => {
        const value = values[at];
        return typeof value === 'string' ? [{ step, curve: label, value }] : [];
      }),
    ),
  };
}

const order = ({ kind }: Series): number => (kind === 'train' ? 0 : 1);

const isPlaced = (point: readonly [number | null, MetricValue]): point is readonly [number, MetricValue] =>
  point[0] !== null;
