import type { ResourceCurve, Resources } from './answers.js';
import type { Chart, Curve } from './chart-data.js';

interface Picture {
  readonly title: string;
  readonly unit: string;
  readonly metrics: readonly string[];
  /** What one of the unit is in what was read. */
  readonly divisor: number;
  readonly isMinor?: boolean;
}

const GIB = 2 ** 30;
/** In the order in which people look at them. */
const PICTURES: readonly Picture[] = [
  { title: 'GPU utilization', unit: '%', metrics: ['utilization_percent'], divisor: 1 },
  { title: 'GPU memory', unit: 'GiB', metrics: ['memory_used_bytes'], divisor: GIB },
  { title: 'GPU temperature', unit: '°C', metrics: ['temperature_celsius'], divisor: 1 },
  { title: 'memory', unit: 'GiB', metrics: ['ram_used_bytes', 'process_rss_bytes'], divisor: GIB },
  { title: 'CPU', unit: '%', metrics: ['cpu_percent'], divisor: 1 },
  { title: 'GPU power', unit: 'W', metrics: ['power_watts'], divisor: 1, isMinor: true },
  { title: 'disk free', unit: 'GiB', metrics: ['disk_free_bytes'], divisor: GIB, isMinor: true },
];
const LABELS: Readonly<Record<string, string>> = {
  ram_used_bytes: 'used',
  process_rss_bytes: 'by the training process',
};
const MINUTE_MS = 60_000;

/** The charts of a run's machines, over the minutes since the first sample; those of a clock that nobody told are left out. */
export function resourceChartsOf({ curves, firstMs }: Resources): Chart[] {
  if (firstMs === null) return [];
  const hasHosts = new Set(curves.map(({ host }) => host)).size > 1;
  return PICTURES.flatMap((picture) => {
    const own = curves.filter(({ metric }) => picture.metrics.includes(metric));
    return own.length === 0 ? [] : [chartOf(picture, own, { firstMs, hasHosts })];
  });
}

function chartOf(
  { title, unit, divisor, isMinor = false }: Picture,
  own: readonly ResourceCurve[],
  { firstMs, hasHosts }: { firstMs: number; hasHosts: boolean },
): Chart {
  const byMinute = own.map(
    ({ points }) =>
      new Map(
        points.flatMap(([ms, value]) =>
          ms === null ? [] : [[(ms - firstMs) / MINUTE_MS, value && value / divisor] as const],
        ),
      ),
  );
  const steps = [...new Set(byMinute.flatMap((values) => [...values.keys()]))].sort((one, other) => one - other);
  const curves = own.map((curve, index): Curve => {
    const heights = steps.map((minute) => byMinute[index]?.get(minute));
    return {
      label: labelOf(curve, hasHosts),
      kind: 'resource',
      heights,
      values: heights.map((height) => height ?? undefined),
    };
  });
  return {
    ...{ title, unit, curves, steps, isMinor, axis: 'minute' },
    shown: own.reduce((sum, { points }) => sum + points.length, 0),
    total: own.reduce((sum, { total }) => sum + total, 0),
    isSampled: own.some(({ isSampled }) => isSampled),
    nonfinite: [],
  };
}

function labelOf({ host, gpu, metric }: ResourceCurve, hasHosts: boolean): string {
  const device = gpu === null ? (LABELS[metric] ?? 'all cores') : `GPU ${gpu}`;
  return hasHosts ? `${host ?? 'unnamed'}: ${device}` : device;
}
