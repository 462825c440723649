import type { ResourceCurve, Resources } from './answers.js';
import { listOf, members, numberOf, textOf } from './read-answers.js';

export function readResources(value: unknown): Resources {
  const { summary, series } = members(value);
  const { samples, first_ms } = members(summary);
  return { samples: numberOf(samples) ?? 0, firstMs: numberOf(first_ms), curves: listOf(series, readCurve) };
}

function readCurve(item: Readonly<Record<string, unknown>>): ResourceCurve {
  const points = Array.isArray(item['points']) ? (item['points'] as unknown[]) : [];
  return {
    host: textOf(item['host']),
    gpu: numberOf(members(item['gpu'])['index']),
    metric: textOf(item['metric']) ?? 'unknown',
    points: points.map((point) => {
      const [ms, reading] = Array.isArray(point) ? (point as unknown[]) : [];
      return [numberOf(ms), numberOf(reading)] as const;
    }),
    total: numberOf(item['total']) ?? points.length,
    isSampled: item['sampled'] === true,
  };
}
