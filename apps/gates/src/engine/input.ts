// What the engine judges: plain data, so that the same engine can be written in another language against the same cases.

/** A value and the record that says so; null where it was computed or stated by nobody. */
export interface Sourced<Value> {
  readonly value: Value;
  readonly seq: number | null;
}

/** A metric of consecutive rows; null where a row has none. Non-finite values stand as they were logged. */
export type Column = readonly (number | null)[];

export type RowKind = 'train' | 'eval' | 'summary';

/** Log rows of one attempt as columns, ordered by step, kind (train before eval), n; rows without a step last. */
export interface Rows {
  readonly kind: readonly RowKind[];
  readonly step: Column;
  readonly n: readonly number[];
  /** The records that hold them. */
  readonly seq: readonly number[];
  readonly loss: Column;
  readonly grad_norm: Column;
  readonly eval_loss: Column;
  /** Further metrics by their registered name. */
  readonly others: Readonly<Record<string, Column>>;
}

export interface AttemptRows {
  readonly attempt: string;
  /** The last step that the next attempt built on: later rows of this one did not lead to the weights. Null: all did. */
  readonly until: number | null;
  readonly rows: Rows;
}

export interface EvaluationSet {
  /** `split`: a part of the training data held out, such as `val_size` makes. */
  readonly kind: 'fixed' | 'split';
  readonly digest: string;
}

/** What run.evaluated says of a row: which weights it is of. */
export interface DeclaredRow {
  readonly attempt: string;
  readonly kind: RowKind;
  readonly step: number | null;
  readonly n: number;
  /** True where it is of the final weights, false where it is of others, null where it does not say. */
  readonly isFinal: boolean | null;
}

/** A task metric of the final weights, on the scale of the metric registry. */
export interface TaskMetric {
  readonly name: string;
  readonly value: number;
  readonly standard_error: number | null;
  readonly set: EvaluationSet | null;
  readonly seq: number;
}

/** A number to compare with. */
export interface ReferenceValue {
  readonly value: number;
  readonly standard_error: number | null;
  readonly set: EvaluationSet | null;
}

/** What a comparison refers to: the model's baseline, its version in production, an older version, runs that passed. */
export interface Reference {
  /** The record that makes it the reference. */
  readonly seq: number;
  /** For sentences: "the baseline of support-assistant". */
  readonly words: string;
  readonly values: Readonly<Record<string, ReferenceValue>>;
}

/** One field that G6 wants, and how it stands. */
export interface AuditField {
  readonly field: string;
  readonly state: 'present' | 'missing' | 'malformed' | 'unregistered' | 'incomplete';
  readonly found: string | null;
  readonly wanted: string;
  readonly seq: number | null;
  readonly remedy: string | null;
}

export interface JudgeInput {
  /** Null before run.started. */
  readonly model: string | null;
  /** Where the final weights come from; null where the run does not tell. */
  readonly weights: { readonly attempt: string; readonly step: number } | null;
  /** The attempts behind them, the first first; all attempts where the run does not tell. */
  readonly attempts: readonly AttemptRows[];
  /** Records of rows whose payload is gone by the retention policy. */
  readonly pruned: { readonly records: number; readonly first_seq: number } | null;
  /** Whether the final tensors were found finite; null: nobody looked. */
  readonly tensorsFinite: Sourced<boolean> | null;
  /** Warm-up steps, as the run's parameters name them. */
  readonly warmupSteps: Sourced<number> | null;
  readonly objective: Sourced<string> | null;
  readonly tasks: Sourced<readonly string[]> | null;
  readonly declaredRows: readonly DeclaredRow[];
  /** What the trainer's own evaluations were made on. */
  readonly evaluationSet: EvaluationSet | null;
  readonly taskMetrics: readonly TaskMetric[];
  /** By `referenceKey`; `baseline` is the model's baseline. Absent or null: there is none. */
  readonly references: Readonly<Record<string, Reference | null>>;
  readonly audit: readonly AuditField[];
  /** Gates that a person overrode, as long as that is in force. */
  readonly overridden: readonly string[];
}
