import type { JsonObject } from './document-run.fixture.js';

export const digest = (character: string) => `sha256:${character.repeat(64)}`;

/** The document's record with every field that G6 wants. */
export const soundRecord = {
  experiment_id: 'support-assistant',
  input_artifacts: {
    base_model: { path: '/models/base', source: 'org/base', revision: 'f'.repeat(40), hash: null },
    dataset: { path: '/data/train.json', version: 'v2.1.0', hash: digest('d'), samples: 9000, schema: 'alpaca' },
    config: {
      ...{ file: 'train.yaml', git_commit: 'c0ffee'.padEnd(40, '0'), content_hash: digest('c') },
      ...{ resolved_hash: digest('e'), dirty: false },
    },
  },
  training_record: {
    ...{ experiment_id: 'support-assistant', run_id: '019bf9da-6cbb-7acb-a255-12100f80b56f' },
    trainer: { name: 'transformers', version: '5.6.0' },
    timeline: { start_time: '2026-01-26T10:30:00Z', end_time: '2026-01-26T13:45:00Z' },
    progress: { total_steps: 3000, completed_steps: 3000, epochs_completed: 3 },
  },
  output_artifacts: {
    adapter: {
      ...{ path: '/out/adapter', type: 'lora', hash: null },
      files: [{ name: 'adapter_model.safetensors', hash: digest('1') }],
    },
    training_args: { path: '/out/adapter/training_args.bin', hash: digest('4') },
  },
  reproducibility: {
    seeds: { seed: 42, data_seed: 42, numpy_seed: 'derived' },
    environment: {
      python_version: '3.11.7',
      torch_version: '2.13.0',
      transformers_version: '5.6.0',
      peft_version: '0.18.1',
    },
    hardware: { gpu_type: 'NVIDIA A100', gpu_count: 1 },
    determinism: { cudnn_deterministic: false, cudnn_benchmark: false },
  },
} satisfies JsonObject;
