import type { ResourceSummary } from './observed-answers.js';
import type { ResourceCurve, ResourceMetricName } from './show-resources.js';

/** Peaks and means over all samples of a run; gaps count for nothing. */
export function summarise(curves: readonly ResourceCurve[]): ResourceSummary {
  const machines = curves.filter(({ gpu }) => gpu === null);
  const hosts = [...Map.groupBy(machines, ({ host }) => host)];
  const gpus = [
    ...Map.groupBy(
      curves.filter(({ gpu }) => gpu !== null),
      ({ host, gpu }) => JSON.stringify([host, gpu?.index]),
    ).values(),
  ];
  const times = machines.flatMap(({ metric, times: own }) => (metric === 'cpu_percent' ? own : [])).filter(isThere);
  return {
    samples: machines.reduce((sum, { metric, values }) => sum + (metric === 'cpu_percent' ? values.length : 0), 0),
    first_ms: least(times),
    last_ms: greatest(times),
    machines: hosts.map(([host, own]) => ({
      host,
      cpu_mean_percent: mean(valuesOf(own, 'cpu_percent')),
      ram_peak_bytes: greatest(valuesOf(own, 'ram_used_bytes')),
      ram_total_bytes: greatest(valuesOf(own, 'ram_total_bytes')),
      disk_free_least_bytes: least(valuesOf(own, 'disk_free_bytes')),
      process_rss_peak_bytes: greatest(valuesOf(own, 'process_rss_bytes')),
    })),
    gpus: gpus.map((own) => ({
      host: own[0]?.host ?? null,
      index: own[0]?.gpu?.index ?? 0,
      name: own[0]?.gpu?.name ?? null,
      utilization_mean_percent: mean(valuesOf(own, 'utilization_percent')),
      memory_peak_bytes: greatest(valuesOf(own, 'memory_used_bytes')),
      memory_total_bytes: greatest(valuesOf(own, 'memory_total_bytes')),
      temperature_peak_celsius: greatest(valuesOf(own, 'temperature_celsius')),
      power_mean_watts: mean(valuesOf(own, 'power_watts')),
    })),
  };
}

const isThere = (value: number): boolean => !Number.isNaN(value);

const valuesOf = (curves: readonly ResourceCurve[], metric: ResourceMetricName): number[] =>
  curves.find((curve) => curve.metric === metric)?.values.filter(isThere) ?? [];

const least = (values: readonly number[]): number | null =>
  values.reduce<number | null>((found, value) => (found === null || value < found ? value : found), null);
const greatest = (values: readonly number[]): number | null =>
  values.reduce<number | null>((found, value) => (found === null || value > found ? value : found), null);
const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
