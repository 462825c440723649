import type { MetricValue } from './run-facts.js';

export interface HashedFile {
  readonly name: string;
  readonly hash: string | null;
}
export interface DatasetEntry {
  readonly role: string | null;
  readonly name: string | null;
  readonly path: string | null;
  readonly source: string | null;
  readonly version: string | null;
  readonly hash: string | null;
  readonly samples: number | null;
  readonly schema: string | null;
  readonly license: string | null;
}

/** The document's record: its structure and names, null where a fact is absent; members beside the document's come after them. */
export interface AuditRecord {
  readonly input_artifacts: {
    readonly base_model: {
      readonly path: string | null;
      readonly source: string | null;
      readonly revision: string | null;
      readonly hash: string | null;
      readonly license: string | null;
    };
    /** The data that was learned from; the first recorded where there are several. */
    readonly dataset: DatasetEntry;
    readonly config: {
      readonly file: string | null;
      readonly git_commit: string | null;
      readonly content_hash: string | null;
      readonly resolved_hash: string | null;
      readonly dirty: boolean | null;
      readonly repository: string | null;
    };
    /** All data sets, those of evaluation included. */
    readonly datasets: readonly DatasetEntry[];
    readonly other: readonly {
      readonly role: string | null;
      readonly name: string | null;
      readonly path: string | null;
      readonly source: string | null;
      readonly hash: string | null;
    }[];
  };
  readonly training_record: {
    readonly experiment_id: string | null;
    readonly run_id: string | null;
    readonly timeline: {
      readonly start_time: string | null;
      readonly end_time: string | null;
      readonly duration_seconds: number | null;
      readonly active_seconds: number | null;
    };
    readonly progress: {
      readonly total_steps: number | null;
      readonly completed_steps: number | null;
      readonly epochs_completed: number | null;
    };
    readonly checkpoints: readonly {
      readonly step: number;
      readonly path: string | null;
      readonly eval_loss: MetricValue | null;
      readonly hash: string | null;
      readonly attempt: string;
      /** True: it is no longer there. Null: nobody said so. */
      readonly deleted: boolean | null;
    }[];
    readonly metrics_summary: {
      readonly initial_loss: MetricValue | null;
      readonly final_loss: MetricValue | null;
      readonly best_eval_loss: number | null;
      /** Its folder's name; the trainer names it. */
      readonly best_checkpoint: string | null;
      readonly best_checkpoint_step: number | null;
    };
    readonly state: string;
    /** How often a process went at it. */
    readonly attempts: number;
  };
  readonly output_artifacts: {
    readonly adapter: {
      readonly path: string | null;
      readonly type: string | null;
      /** Null: a single file, or too many to list. */
      readonly files: readonly HashedFile[] | null;
      /** The file's, or the folder's manifest's. */
      readonly hash: string | null;
    };
    readonly training_args: { readonly path: string | null; readonly hash: string | null };
    readonly metrics: {
      readonly final_train_loss: MetricValue | null;
      readonly final_eval_loss: MetricValue | null;
      readonly quality_gate_status: string | null;
    };
    /** Whatever else came out. */
    readonly other: readonly {
      readonly role: string;
      readonly type: string | null;
      readonly path: string | null;
      readonly hash: string | null;
      readonly files: readonly HashedFile[] | null;
    }[];
  };
  readonly reproducibility: {
    readonly seeds: {
      readonly seed: number | null;
      readonly data_seed: number | null;
      readonly numpy_seed: number | 'derived' | null;
    };
    readonly environment: {
      readonly python_version: string | null;
      readonly torch_version: string | null;
      readonly transformers_version: string | null;
      readonly peft_version: string | null;
      readonly llama_factory_version: string | null;
      readonly platform: string | null;
      readonly image_hash: string | null;
      readonly lock_hash: string | null;
    };
    readonly hardware: {
      readonly gpu_type: string | null;
      readonly gpu_count: number | null;
      readonly cuda_version: string | null;
      readonly driver_version: string | null;
      readonly hosts: number | null;
    };
    readonly determinism: {
      readonly cudnn_deterministic: boolean | null;
      readonly cudnn_benchmark: boolean | null;
      readonly deterministic_algorithms: boolean | null;
    };
  };
}
