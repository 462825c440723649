import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Pool } from '@runseal/postgres';
import { gpuMetrics, machineMetrics, type GpuMetric, type MachineMetric } from '@runseal/rules';
import { countNonfinite, downsample } from './downsample.js';
import { findDocument } from './find-document.js';
import { Lineage } from './lineage.js';
import { doublesOf } from './metric-chunks.js';
import type { ResourcesAnswer, ResourceSeries } from './observed-answers.js';
import { gpuNames, machineNames, type ResourceLayout } from './resource-chunks.js';
import { summarise } from './summarise-resources.js';

export type ResourceMetricName = MachineMetric | GpuMetric;

export class ShowResources {
  constructor(
    readonly run: string,
    readonly wanted: {
      /** Without names all. */
      readonly metrics?: readonly ResourceMetricName[];
      readonly points: number;
    },
  ) {}
}

/** Eight GPUs of one machine have 45. */
const SERIES_MAX = 100;

/** All samples of one metric of one device. */
export interface ResourceCurve extends Pick<ResourceSeries, 'host' | 'metric' | 'gpu'> {
  /** Milliseconds since 1970, ascending; those of which the time is not told (NaN) come last. */
  readonly times: readonly number[];
  /** NaN is a gap. */
  readonly values: readonly number[];
}

@QueryHandler(ShowResources)
export class ShowResourcesHandler implements IQueryHandler<ShowResources, ResourcesAnswer> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ run, wanted }: ShowResources): Promise<ResourcesAnswer> {
    const { pool } = this.lineage;
    await findDocument(pool, run);
    const curves = await readCurves(pool, run);
    const shown = curves.filter(
      ({ metric, values }) => (wanted.metrics?.includes(metric) ?? true) && countNonfinite(values) < values.length,
    );
    return {
      run_id: run,
      summary: summarise(curves),
      series: shown.slice(0, SERIES_MAX).map((curve) => seriesOf(curve, wanted.points)),
      omitted: shown.slice(SERIES_MAX).map(({ host, gpu, metric }) => ({ host, gpu, metric })),
    };
  }
}

function seriesOf({ host, gpu, metric, times, values }: ResourceCurve, points: number): ResourceSeries {
  const kept = downsample(values, points);
  const { unit } = { ...machineMetrics, ...gpuMetrics }[metric];
  return {
    ...{ host, gpu, metric, unit },
    points: kept.map((index) => [orNull(times[index]), orNull(values[index])]),
    total: values.length,
    sampled: kept.length < values.length,
    gaps: countNonfinite(values),
  };
}

const orNull = (value = Number.NaN): number | null => (Number.isNaN(value) ? null : value);

async function readCurves(pool: Pool, run: string): Promise<ResourceCurve[]> {
  const result = await pool.query<[document: string, samples: number, base64: string]>({
    name: 'resources-of-run',
    text: `
select l.document, c.samples, encode(c.times || c.data, 'base64')
from resource_chunks c
join resource_layouts l on l.layout = c.layout
where c.run = $1
order by c.seq, c.part`,
    values: [run],
    rowMode: 'array',
  });
  const gathered = new Gathered();
  for (const [document, samples, base64] of result.rows) {
    const doubles = doublesOf(Buffer.from(base64, 'base64'));
    const column = (place: number) => doubles.subarray(samples * place, samples * (place + 1));
    const { host, gpus } = JSON.parse(document) as ResourceLayout;
    machineNames.forEach((metric, place) => gathered.add({ host, gpu: null, metric }, column(0), column(1 + place)));
    gpus.forEach((gpu, at) => {
      const first = 1 + machineNames.length + at * gpuNames.length;
      gpuNames.forEach((metric, place) => gathered.add({ host, gpu, metric }, column(0), column(first + place)));
    });
  }
  return gathered.curves();
}

type Meant = Pick<ResourceCurve, 'host' | 'metric' | 'gpu'>;
interface Growing {
  meant: Meant;
  readonly times: number[];
  readonly values: number[];
}

class Gathered {
  private readonly byDevice = new Map<string, Map<ResourceMetricName, Growing>>();

  add(meant: Meant, times: Float64Array, values: Float64Array): void {
    const { host, gpu, metric } = meant;
    const name = JSON.stringify([host, gpu?.index ?? -1]);
    let device = this.byDevice.get(name);
    if (!device) this.byDevice.set(name, (device = new Map<ResourceMetricName, Growing>()));
    const known = device.get(metric);
    const growing = known ?? { meant, times: [], values: [] };
    if (!known) device.set(metric, growing);
    // A later sample may tell the name that an earlier one did not.
    if (gpu !== null && gpu.name !== null) growing.meant = meant;
    growing.times.push(...times);
    growing.values.push(...values);
  }

  /** By host, the machine before its GPUs. */
  curves(): ResourceCurve[] {
    const devices = [...this.byDevice.values()].map((metrics) => [...metrics.values()]);
    const place = ([first]: Growing[]) => [first?.meant.host ?? '', first?.meant.gpu?.index ?? -1] as const;
    return devices
      .sort((left, right) => {
        const [[leftHost, leftIndex], [rightHost, rightIndex]] = [place(left), place(right)];
        return leftHost === rightHost ? leftIndex - rightIndex : leftHost < rightHost ? -1 : 1;
      })
      .flat()
      .map(({ meant, times, values }) => ({ ...meant, ...byTime(times, values) }));
  }
}

/** Two who sample the same machine, and a spool that delivers late, come in another order than that of time. */
function byTime(times: number[], values: number[]): Pick<ResourceCurve, 'times' | 'values'> {
  const isLater = (left: number, right: number) => left > right || (Number.isNaN(left) && !Number.isNaN(right));
  if (!times.some((time, index) => index > 0 && isLater(times[index - 1] as number, time))) return { times, values };
  const order = times
    .map((_, index) => index)
    .sort((left, right) => {
      const [one, other] = [times[left] as number, times[right] as number];
      return isLater(one, other) ? 1 : isLater(other, one) ? -1 : left - right;
    });
  const pick = (from: readonly number[]) => order.map((index) => from[index] as number);
  return { times: pick(times), values: pick(values) };
}
