import type { MaybeFact, Fact } from './run-facts.js';

/** Facts by field, null where no record says so; a later null erases nothing. */
export interface InputFacts {
  readonly kind: 'base_model' | 'dataset' | 'config' | 'other';
  readonly role: string | null;
  readonly name: string | null;
  /** First and newest record of it. */
  readonly seq: number;
  readonly last_seq: number;
  readonly source: MaybeFact<string>;
  readonly path: MaybeFact<string>;
  readonly digest: MaybeFact<string>;
  readonly license: MaybeFact<string>;
  /** base_model only. */
  readonly revision: MaybeFact<string>;
  /** dataset only. */
  readonly version: MaybeFact<string>;
  readonly samples: MaybeFact<number>;
  readonly schema: MaybeFact<string>;
  /** config only. */
  readonly resolved_digest: MaybeFact<string>;
  readonly git_repository: MaybeFact<string>;
  readonly git_commit: MaybeFact<string>;
  readonly git_dirty: MaybeFact<boolean>;
}

/** The newest record of a (role, path); one with the same digest completes the one before, another replaces it. */
export interface OutputFacts {
  readonly role: 'weights' | 'training_args' | 'tokenizer' | 'report' | 'other';
  readonly seq: number;
  readonly type: MaybeFact<string>;
  readonly path: MaybeFact<string>;
  readonly digest: MaybeFact<string>;
  readonly size_bytes: MaybeFact<number>;
  readonly files:
    readonly { readonly path: string; readonly digest: string | null; readonly size_bytes: number | null }[] | null;
  /** The record that lists the files. */
  readonly files_seq: number | null;
  readonly tensors_finite: MaybeFact<boolean>;
}

export interface EnvironmentFacts {
  readonly seed: MaybeFact<number>;
  readonly data_seed: MaybeFact<number>;
  readonly numpy_seed: MaybeFact<number | 'derived'>;
  readonly versions: Readonly<Record<string, Fact<string>>>;
  readonly platform: MaybeFact<string>;
  readonly gpu_type: MaybeFact<string>;
  readonly gpu_count: MaybeFact<number>;
  readonly cuda_version: MaybeFact<string>;
  readonly driver_version: MaybeFact<string>;
  readonly hosts: MaybeFact<number>;
  readonly cudnn_deterministic: MaybeFact<boolean>;
  readonly cudnn_benchmark: MaybeFact<boolean>;
  readonly deterministic_algorithms: MaybeFact<boolean>;
  readonly variables: Readonly<Record<string, Fact<string>>>;
  readonly image_digest: MaybeFact<string>;
  readonly lock_digest: MaybeFact<string>;
}
