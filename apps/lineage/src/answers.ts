// What the service answers, as JSON. Absent facts are null, never left out; a seq names the record that a fact comes from.
import type { AuditRecord, AuditRecordWithEvidence, ChecklistItem, Compliance } from '@runseal/rules';
import type { AnnotationAnswer } from './observed-answers.js';

/** A finite number, or one of the three that JSON has no literal for. */
export type MetricValue = number | 'NaN' | 'Infinity' | '-Infinity';
export type Scalar = string | number | boolean | null;
export type ParameterValue = Scalar | readonly Scalar[];

export type RunState = 'running' | 'finished' | 'failed' | 'killed' | 'lost';
export type Overall = 'passed' | 'warnings' | 'blocked' | 'overridden';
export type Stage = 'None' | 'Candidate' | 'Staging' | 'Production' | 'Archived';
export type MetricKind = 'train' | 'eval' | 'summary';

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Give it back as `?cursor=`; null at the end. */
  readonly next_cursor: string | null;
}

/** `GET /v1/experiments?q=&limit=&cursor=`, by name. */
export interface ExperimentItem {
  readonly experiment: string;
  readonly runs: number;
  readonly running: number;
  readonly newest_seq: number;
}

/** `GET /v1/runs?sort=`: with `-` in front descending; runs that lack the value come last. Default: `-first_seq`, the newest runs first. */
export type RunSort =
  | 'first_seq'
  | 'newest_seq'
  | 'started_at'
  | 'ended_at'
  | 'name'
  | 'experiment'
  | 'state'
  | 'duration_seconds'
  | 'final_loss'
  | 'eval_loss';

/** `GET /v1/runs?state=&experiment=&model=&overall=&q=&sort=&limit=&cursor=`: `q` is found in id, name, experiment or model. */
export interface RunItem {
  readonly run_id: string;
  readonly name: string | null;
  readonly experiment: string | null;
  /** The model that the run is for: its target_model, else its experiment's slug. */
  readonly model: string | null;
  readonly state: RunState;
  /** As submitted. */
  readonly started_at: string | null;
  readonly ended_at: string | null;
  /** end - start. */
  readonly duration_seconds: number | null;
  readonly progress: Progress;
  readonly final_loss: MetricValue | null;
  /** Of the newest evaluation. */
  readonly eval_loss: MetricValue | null;
  /** Of the newest verdict; null: not judged. */
  readonly overall: Overall | null;
  readonly faults: number;
  /** Whose run it is. */
  readonly principal: string;
  readonly first_seq: number;
  readonly newest_seq: number;
}

export interface Progress {
  readonly step: number | null;
  readonly total: number | null;
}

/** `GET /v1/runs/{id}`. */
export interface RunAnswer {
  readonly run_id: string;
  readonly name: string | null;
  readonly experiment: string | null;
  readonly target_model: string | null;
  readonly objective: string | null;
  readonly tasks: readonly string[];
  readonly trainer: { readonly name: string; readonly version: string | null } | null;
  readonly recorded: 'live' | 'afterwards' | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly principal: string;
  readonly state: RunState;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly duration_seconds: number | null;
  readonly active_seconds: number | null;
  readonly progress: Progress & { readonly epochs: number | null; readonly total_epochs: number | null };
  /** Why it broke off; null where it did not, or nobody said. */
  readonly end: RunEnd | null;
  /** In the order of their starts. */
  readonly attempts: readonly AttemptAnswer[];
  /** By step. */
  readonly checkpoints: readonly CheckpointAnswer[];
  /** Where the final weights come from; null: the run does not tell. */
  readonly weights: { readonly attempt: string; readonly step: number } | null;
  readonly summary: RunSummary;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly inputs: readonly MaterialAnswer[];
  readonly outputs: readonly MaterialAnswer[];
  /** As run.environment-recorded has it, completed by later ones; null: not recorded. */
  readonly environment: EnvironmentAnswer | null;
  readonly evaluations: readonly EvaluationAnswer[];
  readonly verdict: VerdictShort | null;
  readonly model: ModelVersionShort | null;
  readonly faults: readonly FaultAnswer[];
  /** The last 200 in the ledger's order; of one name the last one holds. */
  readonly annotations: readonly AnnotationAnswer[];
  readonly started_seq: number | null;
  readonly newest_seq: number;
}

export interface RunEnd {
  readonly type: 'run.finished' | 'run.failed' | 'run.killed' | 'run.lost';
  /** Exception, exit code, signal or reason in a sentence; null where nobody told. */
  readonly error: string | null;
  readonly seq: number;
}

export interface AttemptAnswer {
  /** Event id of its run.attempt-started. */
  readonly attempt: string;
  /** From 1. */
  readonly number: number;
  readonly seq: number | null;
  readonly started_at: string | null;
  readonly resumes: { readonly attempt: string | null; readonly step: number | null } | null;
  readonly total_steps: number | null;
  readonly processes: number | null;
  readonly rows: number;
  /** First and last with a loss. */
  readonly steps: { readonly from: number; readonly to: number } | null;
  /** Whether the final weights rest on it. */
  readonly is_behind_weights: boolean;
}

export interface CheckpointAnswer {
  readonly attempt: string;
  readonly step: number;
  readonly epoch: number | null;
  readonly path: string | null;
  readonly digest: string | null;
  readonly size_bytes: number | null;
  /** Of the evaluation at that step. */
  readonly eval_loss: MetricValue | null;
  readonly is_best: boolean;
  /** The record that says it is no longer there, and when that was seen; null: nobody says so. */
  readonly deleted_seq: number | null;
  readonly deleted_at: string | null;
  readonly seq: number;
}

/** Over the attempts behind the final weights. */
export interface RunSummary {
  readonly initial_loss: MetricValue | null;
  readonly final_loss: MetricValue | null;
  readonly best_eval_loss: MetricValue | null;
  readonly final_eval_loss: MetricValue | null;
  readonly best_checkpoint: string | null;
  /** Log rows of all attempts. */
  readonly rows: number;
}

/** An input or an output. `facts` holds what its event says beside the named members. */
export interface MaterialAnswer {
  /** base_model, dataset, config, other; of outputs weights, training_args, tokenizer, report, other. */
  readonly kind: string;
  readonly role: string | null;
  readonly name: string | null;
  readonly path: string | null;
  readonly digest: string | null;
  readonly files:
    readonly { readonly path: string; readonly digest: string | null; readonly size_bytes: number | null }[] | null;
  readonly facts: Readonly<Record<string, unknown>>;
  /** JSON pointers into the events to what was stated rather than read or hashed. */
  readonly asserted: readonly string[];
  /** The newest record that says something of it. */
  readonly seq: number;
}

export interface EnvironmentAnswer {
  readonly seeds: Readonly<Record<string, number | string | null>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly platform: string | null;
  readonly hardware: Readonly<Record<string, Scalar>>;
  readonly determinism: Readonly<Record<string, boolean | null>>;
  readonly variables: Readonly<Record<string, string>>;
  readonly image_digest: string | null;
  readonly lock_digest: string | null;
  /** The newest record that says something of it. */
  readonly seq: number;
}

export interface EvaluationAnswer {
  /** Id of its event. */
  readonly evaluation: string | null;
  readonly seq: number;
  readonly set: {
    readonly kind: 'fixed' | 'split';
    readonly name: string | null;
    readonly version: string | null;
    readonly digest: string | null;
    readonly samples: number | null;
  };
  readonly weights: {
    readonly attempt: string | null;
    readonly step: number | null;
    readonly digest: string | null;
  } | null;
  readonly task: string | null;
  readonly metrics: readonly {
    readonly name: string;
    readonly value: MetricValue;
    readonly scale: { readonly from: number; readonly to: number };
  }[];
  readonly after_training: boolean | null;
}

export interface VerdictShort {
  readonly verdict_id: string;
  readonly seq: number;
  readonly overall: Overall;
  readonly policy: { readonly id: string; readonly version: number; readonly hash: string };
  /** Failing or missing gates that count, by id. */
  readonly unmet: readonly string[];
  /** A person's acceptance of its warnings. */
  readonly acceptance: { readonly by: string; readonly reason: string; readonly seq: number } | null;
}

export interface ModelVersionShort {
  readonly name: string;
  readonly version: number;
  readonly stage: Stage;
  readonly seq: number;
}

/** Something that does not fit together, shown and never judged here: `event_after_end`, `metrics_before_start`, ... */
export interface FaultAnswer {
  readonly kind: string;
  readonly message: string;
  readonly seq: number;
  /** How often; `seq` is the first. */
  readonly count: number;
}

/** `GET /v1/runs/{id}/metrics?key=&key=&kind=&from=&to=&points=`; without `key` all, at most 100 series, the rest named. */
export interface MetricsAnswer {
  readonly run_id: string;
  readonly series: readonly SeriesAnswer[];
  /** Series that were left out, for their number. */
  readonly omitted: readonly { readonly key: string; readonly kind: MetricKind }[];
  readonly diagnosis: Diagnosis;
}

/** The curve of the last attempt's row for each step. */
export interface SeriesAnswer {
  readonly key: string;
  readonly kind: MetricKind;
  /** `[step, value]`, or `[step, value, epoch]` where the trainer told it; step is null in summary rows only. By step. */
  readonly points: readonly (readonly [number | null, MetricValue] | readonly [number | null, MetricValue, number])[];
  /** Points in the range asked for. */
  readonly total: number;
  /** Whether points were left out: then the first and last one and each bucket's least and greatest are kept, non-finite ones too. */
  readonly sampled: boolean;
  readonly nonfinite: number;
}

/** What the curves tell, in a word that people know. */
export interface Diagnosis {
  readonly verdict: 'converging' | 'underfitting' | 'unstable' | 'broken' | 'overfitting' | 'unknown';
  /** broken and overfitting: since when. */
  readonly since_step: number | null;
  readonly best_step: number | null;
  readonly explanation: string;
}

/** `GET /v1/runs/{id}/audit-record`: the document's record, and where each of its leaves comes from. */
export type AuditRecordAnswer = AuditRecord & Omit<AuditRecordWithEvidence, 'record'>;

/** `GET /v1/runs/{id}/checklist`: the document's own checklist. */
export interface ChecklistAnswer {
  readonly run_id: string;
  readonly items: readonly ChecklistItem[];
}

/** `GET /v1/runs/{id}/compliance?as_of=`. */
export interface ComplianceAnswer extends Compliance {
  readonly run_id: string;
  /** The seq that the answer is true for. */
  readonly as_of: number;
}
