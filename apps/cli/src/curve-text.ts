import type { MetricValue } from '@runseal/lineage';

const BARS = [...'▁▂▃▄▅▆▇█'];
const BROKEN = '×';
/** Means of equal values differ by so much of themselves at most. */
const ROUNDING = 1e-12;

/** A curve as one line of bars, first to last: the mean of each part between least and greatest; × where a part holds NaN or Infinity. */
export function curveText(values: readonly MetricValue[], width = 32): string {
  const parts = split(values, Math.min(width, values.length));
  const means = parts.map(meanOf);
  const finite = means.filter((mean) => Number.isFinite(mean));
  const least = Math.min(...finite);
  const range = Math.max(...finite) - least;
  return means.map((mean) => (Number.isFinite(mean) ? barOf(mean, least, range) : BROKEN)).join('');
}

/** A curve that does not move is drawn full, as one that does not fall. */
function barOf(mean: number, least: number, range: number): string {
  const isFlat = range <= Math.abs(least) * ROUNDING;
  const height = isFlat ? 1 : (mean - least) / range;
  return BARS[Math.round(height * (BARS.length - 1))] ?? BROKEN;
}

function meanOf(part: readonly MetricValue[]): number {
  const numbers = part.map((value) => (typeof value === 'number' ? value : NaN));
  return numbers.reduce((sum, value) => sum + value / numbers.length, 0);
}

function split(values: readonly MetricValue[], parts: number): MetricValue[][] {
  return Array.from({ length: parts }, (_, part) =>
    values.slice(Math.floor((part * values.length) / parts), Math.floor(((part + 1) * values.length) / parts)),
  );
}
