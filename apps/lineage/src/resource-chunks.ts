import type { EventPayload } from '@runseal/contracts';
import { gpuMetrics, gpuReadings, machineMetrics, machineReadings } from '@runseal/rules';
import { uuidOf } from './metric-chunks.js';
import { millisOf } from './run-document.js';

type Sample = EventPayload<'run.resources-sampled'>['samples'][number];

/** What the columns of a chunk are: the machine's metrics, then those of each GPU. */
export interface ResourceLayout {
  readonly host: string | null;
  readonly gpus: readonly { readonly index: number; readonly name: string | null }[];
}

/** Samples of one event that tell of the same machine and GPUs, as columns of little-endian doubles; NaN is a gap. */
export interface ResourceChunk {
  /** Counts within the event. */
  readonly part: number;
  /** The JSON text of a ResourceLayout, and a UUID made of it. */
  readonly layout: { readonly id: string; readonly document: string };
  readonly samples: number;
  /** Milliseconds since 1970; NaN where not told. */
  readonly times: Buffer;
  readonly data: Buffer;
}

export const machineNames = Object.keys(machineMetrics) as (keyof typeof machineMetrics)[];
export const gpuNames = Object.keys(gpuMetrics) as (keyof typeof gpuMetrics)[];

/** Splits samples into chunks. Readings that cannot be are gaps. */
export function resourceChunksOf(samples: readonly Sample[]): ResourceChunk[] {
  const groups = Map.groupBy(samples, ({ host, gpus }) =>
    JSON.stringify({ host, gpus: gpus.map(({ index, name }) => ({ index, name })) } satisfies ResourceLayout),
  );
  return [...groups].map(([document, own], part) => {
    const rows = own.map((sample) => {
      const machine = machineReadings(sample);
      const gpus = sample.gpus.map(gpuReadings);
      return [
        ...machineNames.map((name) => machine[name]),
        ...gpus.flatMap((gpu) => gpuNames.map((name) => gpu[name])),
      ];
    });
    const columns = (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? null));
    return {
      part,
      layout: { id: uuidOf(`runseal.resource-layout.v1\n${document}`), document },
      samples: own.length,
      times: doubles(own.map(({ at }) => millisOf(at))),
      data: Buffer.concat(columns.map(doubles)),
    };
  });
}

function doubles(values: readonly (number | null)[]): Buffer {
  const bytes = Buffer.allocUnsafe(8 * values.length);
  values.forEach((value, index) => bytes.writeDoubleLE(value ?? Number.NaN, 8 * index));
  return bytes;
}
