import type { EventPayload } from '@runseal/contracts';
import type { EnvironmentFacts, InputFacts, OutputFacts } from './material-facts.js';

/** A metric's value as events have it. */
export type MetricValue = number | 'NaN' | 'Infinity' | '-Infinity';
export type RunState = 'running' | 'finished' | 'failed' | 'killed' | 'lost';
export type EndingType = 'run.finished' | 'run.failed' | 'run.killed' | 'run.lost';

/** A value, and the record that says so. `asserted`: a person stated it, nobody read, measured or hashed it. */
export interface Fact<Value> {
  readonly value: Value;
  readonly seq: number;
  readonly asserted?: true;
}
/** Null: no record says so. */
export type MaybeFact<Value> = Fact<Value> | null;

/** What `RunFacts` holds at most. What is beyond is counted in `left_out`, is a fault, and makes the audit record incomplete. */
export const factsLimits = {
  attempts: 1_000,
  endings: 1_000,
  checkpoints: 10_000,
  checkpointsDeleted: 10_000,
  inputs: 1_000,
  outputs: 1_000,
  outputFiles: 20_000,
  evaluated: 1_000,
  parameters: 5_000,
  /** Characters of all parameters' JSON texts. */
  parametersChars: 2_000_000,
  tags: 200,
  versions: 2_000,
  variables: 200,
  metricKeys: 1_000,
  producers: 4_096,
  /** Gaps in one producer's counters, plus one. */
  producerRanges: 1_000,
  setAside: 1_000,
  overrides: 100,
  annotations: 200,
  assessments: 1_000,
  faults: 100,
} as const;
export type LimitedFact = keyof typeof factsLimits;

/** Everything that the events of one run say, folded. Plain JSON: it may be stored as text and read back. */
export interface RunFacts {
  readonly version: 1;
  /** From the stream; null before the first event. */
  readonly run_id: string | null;
  /** Newest record applied; -1 before the first. Records at or below are skipped, so a repeated batch changes nothing. */
  readonly seq: number;
  /** First record of the run's stream; null before it. */
  readonly first_seq: number | null;
  /** Records of the run's stream. */
  readonly events: number;
  /** Actor of the first record: the run is that principal's. */
  readonly principal: MaybeFact<string>;
  readonly state: RunState;
  /** The record that made it so. */
  readonly state_seq: number | null;
  readonly started: StartFacts | null;
  /** In the order in which they began. */
  readonly attempts: readonly AttemptFacts[];
  /** All endings, in the ledger's order. */
  readonly endings: readonly EndingFacts[];
  /** The ending that the state comes from; null while the run is running. */
  readonly terminal: EndingFacts | null;
  readonly progress: ProgressFacts;
  readonly parameters: Readonly<Record<string, Fact<ParameterValue>>>;
  readonly parameters_chars: number;
  readonly inputs: readonly InputFacts[];
  readonly outputs: readonly OutputFacts[];
  readonly environment: EnvironmentFacts;
  readonly checkpoints: readonly CheckpointFacts[];
  /** In the ledger's order; which checkpoints they were: `deletionsOf`. */
  readonly checkpoints_deleted: readonly CheckpointDeletion[];
  readonly evaluated: readonly EvaluatedFacts[];
  /** In the order of their ids. */
  readonly producers: readonly ProducerFacts[];
  readonly dropped: DroppedFacts;
  /** Names of the metrics seen; at most `factsLimits.metricKeys`. */
  readonly metric_keys: Readonly<Record<string, true>>;
  /** Records of metric rows whose payload is gone by the retention policy. */
  readonly pruned: { readonly records: number; readonly first_seq: number; readonly last_seq: number } | null;
  readonly verdict: VerdictFacts | null;
  readonly verdicts: number;
  /** The newest acceptance of warnings; it holds for the verdict that it names only. */
  readonly acceptance: DecisionFacts | null;
  /** Newest last. */
  readonly overrides: readonly OverrideFacts[];
  /** Newest last. */
  readonly annotations: readonly AnnotationFacts[];
  /** Of weights, whether or not they are this run's: `tensorsFiniteOf` looks. */
  readonly assessments: readonly AssessmentFacts[];
  readonly faults: readonly Fault[];
  /** Faults in all, those that are not kept included; a fault that happens again counts again. */
  readonly faults_total: number;
  readonly left_out: Readonly<Partial<Record<LimitedFact, number>>>;
}

export type ParameterValue = EventPayload<'run.parameters-recorded'>['parameters'][string];

export interface StartFacts {
  readonly seq: number;
  /** occurred_at. */
  readonly at: MaybeFact<string>;
  readonly experiment: Fact<string>;
  readonly name: MaybeFact<string>;
  readonly target_model: MaybeFact<string>;
  readonly tasks: MaybeFact<readonly string[]>;
  readonly objective: MaybeFact<string>;
  readonly trainer_name: MaybeFact<string>;
  readonly trainer_version: MaybeFact<string>;
  readonly recorded: Fact<'live' | 'afterwards'>;
  readonly expected_samples_per_second: MaybeFact<number>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface AttemptFacts {
  /** Event id of its run.attempt-started. */
  readonly id: string;
  readonly seq: number;
  readonly at: string | null;
  readonly sealed_at: string;
  readonly resumes: { readonly attempt: string | null; readonly step: number | null } | null;
  readonly total_steps: MaybeFact<number>;
  readonly total_epochs: MaybeFact<number>;
  readonly processes: MaybeFact<number>;
  /** How it ended; null: not yet, or nobody told. */
  readonly ended: { readonly type: EndingType; readonly seq: number } | null;
  /** Metric rows since it began, and the newest of them with a step. */
  readonly rows: number;
  readonly newest: RowMark | null;
}

export interface RowMark {
  readonly step: number;
  readonly epoch: number | null;
  readonly at: string | null;
  readonly seq: number;
}

export interface EndingFacts {
  readonly type: EndingType;
  readonly seq: number;
  readonly hash: string;
  /** As the event names it; null: the newest attempt at that moment. */
  readonly attempt: string | null;
  readonly at: MaybeFact<string>;
  readonly sealed_at: string;
  readonly total_steps: MaybeFact<number>;
  readonly completed_steps: MaybeFact<number>;
  readonly epochs_completed: MaybeFact<number>;
  readonly active_seconds: MaybeFact<number>;
  readonly final_weights: MaybeFact<{ readonly attempt: string | null; readonly step: number }>;
  readonly best_checkpoint: MaybeFact<{ readonly step: number | null; readonly path: string | null }>;
  /** Whether it names producers; without any the run is not judged by counters. */
  readonly counts_producers: boolean;
  /** Exception, exit code, signal or reason in one sentence; null where it says none. */
  readonly cause: string | null;
}

export interface ProgressFacts {
  /** Newest row with a step, of whatever attempt, in the ledger's order. */
  readonly newest: RowMark | null;
  readonly rows: number;
  /** Newest said by an attempt or an ending. */
  readonly total_steps: MaybeFact<number>;
  readonly total_epochs: MaybeFact<number>;
}

export interface CheckpointFacts {
  readonly seq: number;
  readonly attempt: string;
  readonly step: number;
  readonly epoch: number | null;
  readonly at: string | null;
  readonly path: string | null;
  readonly digest: string | null;
  readonly size_bytes: number | null;
}

export interface CheckpointDeletion {
  readonly seq: number;
  readonly attempt: string;
  readonly step: number;
  readonly path: string | null;
  readonly at: string | null;
}

export interface AnnotationFacts extends EventPayload<'run.annotated'> {
  readonly seq: number;
  readonly at: string | null;
  /** The actor. */
  readonly by: string;
}

/** What an artifact.assessed in the course of the run says of weights. */
export interface AssessmentFacts {
  readonly seq: number;
  readonly digest: string;
  /** The actor: artifact streams are open to every writer. */
  readonly by: string;
  readonly tensors_finite: Fact<boolean>;
}

export interface EvaluatedFacts extends EventPayload<'run.evaluated'> {
  readonly seq: number;
  readonly at: string | null;
}

export interface ProducerFacts {
  readonly id: string;
  /** Counters seen, declared as set aside included: [from, to], merged, ascending. */
  readonly seen: readonly (readonly [from: number, to: number])[];
  /** The count that the endings give; the largest counts. */
  readonly expected: MaybeFact<number>;
}

/** What the clients declared as not in the ledger. */
export interface DroppedFacts {
  readonly not_accepted: Readonly<Record<'metrics' | 'telemetry' | 'logs', number>>;
  readonly set_aside: readonly {
    readonly id: string;
    readonly type: string;
    readonly code: string;
    readonly seq: number;
  }[];
  readonly set_aside_total: number;
  /** The declarations' records: first and newest. */
  readonly first_seq: number | null;
  readonly last_seq: number | null;
}

export interface VerdictFacts {
  /** Event id of the run.gates-evaluated. */
  readonly id: string;
  readonly seq: number;
  readonly hash: string;
  readonly sealed_at: string;
  readonly overall: 'passed' | 'warnings' | 'blocked' | 'overridden';
  readonly position: number;
  readonly policy: EventPayload<'run.gates-evaluated'>['policy'];
  readonly engine: string;
  readonly weights: EventPayload<'run.gates-evaluated'>['weights'];
  readonly gates: readonly {
    readonly id: string;
    readonly name: string;
    readonly severity: 'block' | 'warn' | 'info';
    readonly verdict: 'pass' | 'fail' | 'missing' | 'error' | 'skipped';
    readonly shadow: boolean;
  }[];
}

export interface DecisionFacts {
  readonly id: string;
  readonly seq: number;
  readonly actor: string;
  readonly sealed_at: string;
  /** Event id and record hash of the verdict that it is about. */
  readonly verdict: string;
  readonly verdict_hash: string;
  readonly reason: string;
}
export interface OverrideFacts extends DecisionFacts {
  readonly gate: string;
  readonly expires_at: string | null;
}

export type FaultKind =
  | 'unknown_run'
  | 'before_start'
  | 'started_twice'
  | 'two_endings'
  | 'after_end'
  | 'attempt_unknown'
  | 'step_negative'
  | 'step_fractional'
  | 'step_falling'
  | 'too_many_metrics'
  | 'time_far_off'
  | 'counter_repeated'
  | 'payload_gone'
  | 'limit_reached';

/** Something that a well-behaved recorder does not do. Shown on the run, never an exception. */
export interface Fault {
  readonly kind: FaultKind;
  /** What it is about: an attempt, a metric, a limit; null: the run. One fault a kind and subject. */
  readonly subject: string | null;
  /** First record with it, the newest, and how often. */
  readonly seq: number;
  readonly last_seq: number;
  readonly count: number;
  readonly words: string;
}
