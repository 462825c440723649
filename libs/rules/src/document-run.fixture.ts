// The run whose audit record the user's document prints, as the events that would tell of it. Where the document has a hash
// such as "sha256:def456..." a full digest stands here; its revision "main" and short commit stand as full ones too.
import type { RunEvent } from './run-event.js';
import { ATTEMPT, PRODUCER, blankInputs, digestOf, event, row } from './run.fixture.js';

const input = (seq: number, payload: object) => event(seq, 'run.input-recorded', payload as never);
const rows = (seq: number, ...logged: ReturnType<typeof row>[]) => event(seq, 'run.metrics-logged', { rows: logged });
const saved = (seq: number, step: number) =>
  event(seq, 'run.checkpoint-saved', { step, path: `/storage/output/checkpoint-${step}` });

export const digests = {
  base: digestOf('a'),
  dataset: digestOf('d'),
  config: digestOf('c'),
  resolved: digestOf('e'),
  adapter: digestOf('1'),
  model: digestOf('2'),
  adapterConfig: digestOf('3'),
  args: digestOf('4'),
};
export const COMMIT = '7890abc'.padEnd(40, '0');

export const documentEvents: readonly RunEvent[] = [
  event(
    10,
    'run.started',
    { experiment: 'exp-20250126-001', trainer: { name: 'llama_factory', version: '0.9.3' } },
    { occurred_at: '2025-01-26T10:30:00Z', sealed_at: '2025-01-26T10:30:00.100Z' },
  ),
  event(11, 'run.attempt-started', { total_steps: 3000 }, { id: ATTEMPT }),
  input(12, {
    ...{ kind: 'base_model', ...blankInputs.base_model, path: '/storage/models/llama-3-8b' },
    ...{ source: 'meta-llama/Meta-Llama-3-8B', revision: 'f'.repeat(40), digest: digests.base },
    asserted: ['/payload/revision'],
  }),
  input(13, {
    ...{ kind: 'dataset', ...blankInputs.dataset, path: '/storage/data/train_v2.1.0', version: 'v2.1.0' },
    ...{ digest: digests.dataset, samples: 9000, schema: 'alpaca' },
  }),
  input(14, {
    ...{ kind: 'config', ...blankInputs.config, path: 'train.yaml', digest: digests.config },
    ...{ resolved_digest: digests.resolved, git: { repository: null, commit: COMMIT, dirty: false } },
  }),
  event(15, 'run.environment-recorded', {
    seeds: { seed: 42, data_seed: 42, numpy_seed: 42 },
    versions: {
      ...{ python: '3.10.14', torch: '2.1.2+cu118', transformers: '4.36.2', peft: '0.7.1' },
      llama_factory: '0.9.3',
    },
    hardware: { gpu_type: 'NVIDIA A100', gpu_count: 1, cuda_version: '11.8', driver_version: null, hosts: null },
    determinism: { cudnn_deterministic: true, cudnn_benchmark: false, deterministic_algorithms: null },
  }),
  event(16, 'run.parameters-recorded', {
    parameters: { report_to: 'mlflow', logging_steps: 10, eval_strategy: 'steps', eval_steps: 100, save_steps: 500 },
  }),
  rows(20, row('train', 10, { loss: 2.1 }), row('train', 20, { loss: 1.9 })),
  rows(21, row('eval', 1000, { eval_loss: 0.45 })),
  saved(22, 1000),
  rows(23, row('eval', 2000, { eval_loss: 0.38 })),
  saved(24, 2000),
  rows(25, row('train', 3000, { loss: 0.35 }), row('eval', 3000, { eval_loss: 0.35 })),
  saved(26, 3000),
  event(30, 'run.output-recorded', {
    ...{ role: 'weights', type: 'lora', path: '/storage/output/lora-adapter', digest: digests.adapter },
    files: [
      { path: 'adapter_model.safetensors', digest: digests.model, size_bytes: null },
      { path: 'adapter_config.json', digest: digests.adapterConfig, size_bytes: null },
    ],
  }),
  event(31, 'run.output-recorded', {
    ...{ role: 'training_args', path: '/storage/output/lora-adapter/training_args.json', digest: digests.args },
  }),
  event(
    40,
    'run.finished',
    {
      ...{ total_steps: 3000, completed_steps: 3000, epochs_completed: 3, active_seconds: 11650.5 },
      final_weights: { attempt: ATTEMPT, step: 3000 },
      best_checkpoint: { step: 3000, path: '/storage/output/checkpoint-3000' },
      producers: [{ id: PRODUCER, count: 1 }],
    },
    {
      ...{ occurred_at: '2025-01-26T13:45:00Z', sealed_at: '2025-01-26T13:45:00.300Z' },
      producer: { id: PRODUCER, seq: 0 },
    },
  ),
  event(41, 'run.gates-evaluated', { overall: 'passed', position: 40 }),
];

/** The events without one, or with another in its place: what a run looks like that is documented but for one thing. */
export function documentEventsBut(seq: number, payload?: object): RunEvent[] {
  return documentEvents.flatMap((known) => {
    if (known.seq !== seq) return [known];
    return payload ? [{ ...known, payload: { ...known.payload, ...payload } } as RunEvent] : [];
  });
}
