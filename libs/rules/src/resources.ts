// Readings of a machine and its GPUs. A driver that cannot tell gives a blank far outside of what can be (DCGM:
// 9223372036854775794, or 2147483632 where it has 32 bits): that is a gap, not a value.
import type { EventPayload } from '@runseal/contracts';

type Sample = EventPayload<'run.resources-sampled'>['samples'][number];
type Gpu = Sample['gpus'][number];

interface ResourceMetric<Source> {
  readonly unit: 'percent' | 'bytes' | 'celsius' | 'watts';
  readonly min: number;
  readonly max: number;
  /** The reading that this one is at most. */
  readonly within?: keyof Source;
}

/** 256 TiB: no machine has as much memory, and the blanks are beyond it. */
const MEMORY_MAX = 2 ** 48;
const DISK_MAX = 2 ** 53;
const share = { unit: 'percent', min: 0, max: 100 } as const;
const memory = { unit: 'bytes', min: 0, max: MEMORY_MAX } as const;
const total = { ...memory, min: 1 } as const;

/** What is read of a machine, in the order of the contracts. */
export const machineMetrics = {
  cpu_percent: share,
  ram_used_bytes: { ...memory, within: 'ram_total_bytes' },
  ram_total_bytes: total,
  disk_free_bytes: { unit: 'bytes', min: 0, max: DISK_MAX },
  process_rss_bytes: memory,
} as const satisfies Readonly<Partial<Record<keyof Sample, ResourceMetric<Sample>>>>;

/** What is read of a GPU, in the order of the contracts. */
export const gpuMetrics = {
  utilization_percent: share,
  memory_used_bytes: { ...memory, within: 'memory_total_bytes' },
  memory_total_bytes: total,
  temperature_celsius: { unit: 'celsius', min: 0, max: 150 },
  power_watts: { unit: 'watts', min: 0, max: 10_000 },
} as const satisfies Readonly<Partial<Record<keyof Gpu, ResourceMetric<Gpu>>>>;

export type MachineMetric = keyof typeof machineMetrics;
export type GpuMetric = keyof typeof gpuMetrics;

/** A machine's readings; null is a gap: nothing was read, or what no machine can have. */
export const machineReadings = (sample: Sample): Readonly<Record<MachineMetric, number | null>> =>
  readingsOf<Sample, MachineMetric>(sample, machineMetrics);

/** A GPU's readings; null is a gap: nothing was read, or what no GPU can have. */
export const gpuReadings = (gpu: Gpu): Readonly<Record<GpuMetric, number | null>> =>
  readingsOf<Gpu, GpuMetric>(gpu, gpuMetrics);

function readingsOf<Source, Name extends keyof Source>(
  source: Source,
  metrics: Readonly<Record<Name, ResourceMetric<Source>>>,
): Record<Name, number | null> {
  const of = (name: keyof Source): number | null => {
    const metric = metrics[name as Name];
    const value = source[name] as number | null;
    return value !== null && value >= metric.min && value <= metric.max ? value : null;
  };
  const names = Object.keys(metrics) as Name[];
  return Object.fromEntries(
    names.map((name) => {
      const { within } = metrics[name];
      const [value, limit] = [of(name), within === undefined ? null : of(within)];
      return [name, value !== null && limit !== null && value > limit ? null : value];
    }),
  ) as Record<Name, number | null>;
}
