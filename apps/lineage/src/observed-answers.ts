// What the service answers of what was seen of a run from beside: its machine, its output text, remarks, assessments.
import type { EventPayload } from '@runseal/contracts';
import type { GpuMetric, MachineMetric } from '@runseal/rules';
import type { Scalar } from './answers.js';

export interface AnnotationAnswer {
  readonly name: string;
  readonly text: string | null;
  readonly value: Scalar;
  /** Event id of its run.attempt-started; null: it is about the run. */
  readonly attempt: string | null;
  readonly at: string | null;
  /** Who says so. */
  readonly by: string;
  /** What does not show in this run because of it, in a sentence; null: nothing. */
  readonly hides: string | null;
  readonly seq: number;
}

/** `GET /v1/runs/{id}/resources?metric=&points=`: the machine while the run went on. */
export interface ResourcesAnswer {
  readonly run_id: string;
  readonly summary: ResourceSummary;
  /** By host, the machine before its GPUs; without those of which nothing was ever read. */
  readonly series: readonly ResourceSeries[];
  /** Series that were left out, for their number; ask for them by `metric`. */
  readonly omitted: readonly Omit<ResourceSeries, 'unit' | 'points' | 'total' | 'sampled' | 'gaps'>[];
}

export interface ResourceSeries {
  readonly host: string | null;
  /** Null: the machine itself. */
  readonly gpu: { readonly index: number; readonly name: string | null } | null;
  readonly metric: MachineMetric | GpuMetric;
  readonly unit: 'percent' | 'bytes' | 'celsius' | 'watts';
  /** [milliseconds since 1970, null where not told; value, null for a gap], by time. */
  readonly points: readonly (readonly [number | null, number | null])[];
  readonly total: number;
  /** Whether points were left out: then the first and last one and each bucket's least and greatest are kept. */
  readonly sampled: boolean;
  /** Samples without this reading, or with one that cannot be. */
  readonly gaps: number;
}

/** Of all samples; means are of samples, not of time. Null: never read. */
export interface ResourceSummary {
  readonly samples: number;
  /** Milliseconds since 1970. */
  readonly first_ms: number | null;
  readonly last_ms: number | null;
  readonly machines: readonly {
    readonly host: string | null;
    readonly cpu_mean_percent: number | null;
    readonly ram_peak_bytes: number | null;
    readonly ram_total_bytes: number | null;
    readonly disk_free_least_bytes: number | null;
    readonly process_rss_peak_bytes: number | null;
  }[];
  readonly gpus: readonly {
    readonly host: string | null;
    readonly index: number;
    readonly name: string | null;
    readonly utilization_mean_percent: number | null;
    readonly memory_peak_bytes: number | null;
    readonly memory_total_bytes: number | null;
    readonly temperature_peak_celsius: number | null;
    readonly power_mean_watts: number | null;
  }[];
}

/** `GET /v1/runs/{id}/logs?source=&limit=&cursor=`, in the ledger's order: what the run printed, by digest. */
export interface LogChunkItem {
  /** Event id of its run.attempt-started. */
  readonly attempt: string | null;
  readonly source: 'stdout' | 'stderr';
  /** Counts from 0 within (attempt, source): a number that lacks is a piece that is not here. */
  readonly chunk: number;
  /** Of the text, as masked. */
  readonly digest: string;
  readonly size_bytes: number;
  readonly lines: number;
  /** Secrets that were masked in it. */
  readonly masked: number;
  /** Where the text lies. */
  readonly location: string | null;
  readonly at: string | null;
  readonly seq: number;
}

/** The newest artifact.assessed of a content. */
export interface AssessmentAnswer {
  readonly kind: 'dataset' | 'weights';
  readonly profile: EventPayload<'artifact.assessed'>['profile'];
  readonly tensors_finite: boolean | null;
  readonly assessor: { readonly name: string; readonly version: string | null };
  /** Whose word it is: artifact streams are open to every writer. */
  readonly by: string;
  readonly run_id: string | null;
  /** JSON pointers into the event to what was stated rather than read. */
  readonly asserted: readonly string[];
  readonly seq: number;
}
