// What the page reads of the services' answers; the rest of them is left alone.

/** A finite number, or one of the three that JSON has no literal for. */
export type MetricValue = number | 'NaN' | 'Infinity' | '-Infinity';

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

export interface RunItem {
  readonly id: string;
  readonly name: string | null;
  readonly experiment: string | null;
  readonly state: string;
  /** Of the newest verdict; null: not judged. */
  readonly overall: string | null;
  readonly startedAt: string | null;
  readonly duration_s: number | null;
  readonly progress: Progress;
  readonly finalLoss: MetricValue | null;
  readonly evalLoss: MetricValue | null;
  readonly faults: number;
}

export interface Progress {
  readonly step: number | null;
  readonly total: number | null;
}

export interface Run {
  readonly id: string;
  readonly name: string | null;
  readonly experiment: string | null;
  readonly objective: string | null;
  readonly trainer: string | null;
  readonly recorded: string | null;
  readonly principal: string | null;
  readonly state: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly duration_s: number | null;
  readonly active_s: number | null;
  readonly progress: Progress & { readonly epochs: number | null };
  /** Why it broke off, in words; null where it did not. */
  readonly end: { readonly why: string; readonly seq: number | null } | null;
  readonly attempts: readonly Attempt[];
  readonly checkpoints: readonly Checkpoint[];
  readonly weights: { readonly attempt: string | null; readonly step: number | null } | null;
  readonly summary: Summary;
  readonly inputs: readonly Material[];
  readonly outputs: readonly Material[];
  readonly overall: string | null;
  readonly acceptance: { readonly by: string; readonly reason: string; readonly seq: number | null } | null;
  readonly model: { readonly name: string; readonly version: number; readonly stage: string } | null;
  readonly faults: readonly Fault[];
  readonly remarks: readonly Remark[];
}

export interface Attempt {
  readonly id: string;
  readonly number: number | null;
  readonly seq: number | null;
  readonly startedAt: string | null;
  readonly resumesAtStep: number | null;
  readonly isResumed: boolean;
  readonly rows: number | null;
  readonly steps: { readonly from: number; readonly to: number } | null;
  readonly isBehindWeights: boolean;
}

export interface Checkpoint {
  readonly step: number | null;
  readonly path: string | null;
  readonly digest: string | null;
  readonly size_bytes: number | null;
  readonly evalLoss: MetricValue | null;
  readonly isBest: boolean;
  /** The record that says it is no longer there; null: nobody says so. */
  readonly deletedSeq: number | null;
  readonly seq: number | null;
}

export interface Summary {
  readonly initialLoss: MetricValue | null;
  readonly finalLoss: MetricValue | null;
  readonly bestEvalLoss: MetricValue | null;
  readonly finalEvalLoss: MetricValue | null;
  readonly bestCheckpoint: string | null;
  readonly rows: number | null;
}

/** An input or an output. */
export interface Material {
  readonly kind: string;
  readonly role: string | null;
  readonly name: string | null;
  readonly path: string | null;
  readonly digest: string | null;
  /** Further digests that its facts hold, by their names. */
  readonly otherHashes: readonly (readonly [name: string, value: string])[];
  readonly files: readonly {
    readonly path: string;
    readonly digest: string | null;
    readonly size_bytes: number | null;
  }[];
  /** Whether anything of it was stated rather than read or hashed. */
  readonly isAsserted: boolean;
  readonly seq: number | null;
}

export interface Fault {
  readonly kind: string;
  readonly message: string;
  readonly seq: number | null;
  readonly count: number;
}

export interface Remark {
  readonly name: string;
  /** Its value and text; null: the name says it all. */
  readonly said: string | null;
  /** What does not show in the run because of it. */
  readonly hides: string | null;
  readonly seq: number | null;
}

export interface Resources {
  readonly samples: number;
  /** Milliseconds since 1970. */
  readonly firstMs: number | null;
  readonly curves: readonly ResourceCurve[];
}

export interface ResourceCurve {
  readonly host: string | null;
  /** Its number on the host; null: the machine itself. */
  readonly gpu: number | null;
  readonly metric: string;
  /** By time; a reading that is null is a gap. */
  readonly points: readonly (readonly [ms: number | null, value: number | null])[];
  readonly total: number;
  readonly isSampled: boolean;
}

export interface Metrics {
  readonly series: readonly Series[];
  readonly omitted: number;
  readonly diagnosis: Diagnosis | null;
}

export interface Series {
  readonly key: string;
  readonly kind: string;
  /** By step; step is null in summary rows. */
  readonly points: readonly (readonly [step: number | null, value: MetricValue])[];
  readonly total: number;
  readonly isSampled: boolean;
}

export interface Diagnosis {
  readonly verdict: string;
  readonly sinceStep: number | null;
  readonly bestStep: number | null;
  readonly explanation: string;
}

export interface Verdict {
  readonly id: string;
  readonly seq: number | null;
  readonly overall: string;
  readonly policy: { readonly id: string; readonly version: number | null; readonly hash: string | null };
  readonly engine: string | null;
  readonly position: number | null;
  readonly gates: readonly Gate[];
}

export interface Gate {
  readonly id: string;
  readonly name: string;
  readonly severity: string;
  readonly verdict: string;
  readonly isShadow: boolean;
  readonly explanation: string;
  readonly inputs: readonly { readonly name: string; readonly value: string; readonly seq: number | null }[];
  readonly baseline: { readonly metric: string; readonly value: string; readonly seq: number | null } | null;
}

export interface Status {
  readonly newest: Position | null;
  readonly readers: readonly {
    readonly name: string;
    readonly position: Position | null;
    readonly lag_records: number | null;
    /** Why it does not get on; null where it does. */
    readonly trouble: string | null;
  }[];
  /** Services that gave no answer. */
  readonly unreachable: readonly string[];
}

export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

export interface WhoAmI {
  readonly principal: string;
  readonly name: string | null;
  readonly kind: string;
  readonly ledger: string;
  readonly scopes: readonly string[];
}
