import { RUNS, type Json } from './recorded-answers.fixture.js';

const GIB = 2 ** 30;
const START_MS = Date.UTC(2026, 0, 26, 10, 30);
const nothing = { samples: 0, first_ms: null, last_ms: null, machines: [], gpus: [] };

/** Two GPUs for an hour, one of which tells nothing for a while; of other runs nobody sampled the machine. */
export function resourcesAnswer(id: string): Json {
  if (id !== RUNS.overfitting) return { run_id: id, summary: nothing, series: [], omitted: [] };
  const series = (metric: string, gpu: number | null, valueOf: (minute: number) => number | null) => {
    const points = Array.from({ length: 60 }, (_, minute) => [START_MS + 60_000 * minute, valueOf(minute)]);
    const device = gpu === null ? null : { index: gpu, name: 'NVIDIA A100' };
    return { host: 'gpu-node-07', gpu: device, metric, unit: 'any', points, total: 60, sampled: false, gaps: 0 };
  };
  const wave = (minute: number) => Math.sin(minute / 6);
  return {
    run_id: id,
    summary: { ...nothing, samples: 60, first_ms: START_MS, last_ms: START_MS + 59 * 60_000 },
    series: [
      series('cpu_percent', null, (minute) => 30 + 5 * wave(minute)),
      series('ram_used_bytes', null, (minute) => (60 + minute / 10) * GIB),
      series('process_rss_bytes', null, () => 21 * GIB),
      series('utilization_percent', 0, (minute) => 90 + 8 * wave(minute)),
      series('utilization_percent', 1, (minute) => (minute > 20 && minute < 30 ? null : 84 + 8 * wave(minute))),
      series('memory_used_bytes', 0, (minute) => Math.min(76, 40 + minute) * GIB),
      series('memory_used_bytes', 1, () => 61 * GIB),
      series('temperature_celsius', 0, (minute) => 60 + 4 * wave(minute)),
      series('power_watts', 0, () => 371.4),
    ],
    omitted: [],
  };
}
