// A run with every fact that compliance asks for, as the events that tell of it.
import type { EventPayload, EventType } from '@runseal/contracts';
import { v7 as uuidv7 } from 'uuid';

export interface Told<Type extends EventType = EventType> {
  readonly type: Type;
  readonly stream: string;
  readonly payload: EventPayload<Type>;
  readonly id?: string;
  readonly occurred_at?: string;
}

export interface RunPlan {
  readonly run: string;
  /** Null: none were told of. */
  readonly weights: string | null;
  readonly model: string;
}

const digestOf = (character: string): string => `sha256:${character.repeat(64)}`;
const MATERIAL = { base: digestOf('b'), data: digestOf('d'), config: digestOf('c'), args: digestOf('4') };
const COMMIT = '7890abc'.padEnd(40, '0');

/** All its events up to its end, and the registrations of its artifacts. */
export function wholeRun({ run, weights, model }: RunPlan): Told[] {
  const attempt = uuidv7();
  const stream = `run/${run}`;
  const told = <Type extends EventType>(type: Type, payload: EventPayload<Type>, more: Partial<Told> = {}): Told =>
    ({ type, stream, payload, ...more }) as Told;
  const none = { asserted: [] as string[] };
  const register = (digest: string): Told => {
    const payload = {
      form: 'file',
      kind: 'other',
      name: null,
      location: null,
      size_bytes: 1,
      files: null,
      run,
    } as const;
    return told('artifact.registered', { ...payload, ...none }, { stream: `artifact/${digest}` });
  };
  const output = { size_bytes: 1, files: null, tensors_finite: true, ...none };
  const outputs =
    weights === null
      ? []
      : [told('run.output-recorded', { role: 'weights', type: 'lora', path: 'out', digest: weights, ...output })];
  return [
    told('run.started', { ...start, target_model: model, ...none }, { occurred_at: new Date().toISOString() }),
    told(
      'run.attempt-started',
      { resumes: null, total_steps: 300, total_epochs: 3, processes: 1, ...none },
      { id: attempt },
    ),
    told('run.input-recorded', {
      ...{ kind: 'base_model', source: 'meta-llama/Meta-Llama-3-8B', revision: 'f'.repeat(40), path: null },
      ...{ digest: MATERIAL.base, license: null, ...none },
    }),
    told('run.input-recorded', {
      ...{ kind: 'dataset', role: 'train', name: 'support', version: 'v2.1.0', source: null, path: null },
      ...{ digest: MATERIAL.data, samples: 9_000, schema: 'alpaca', license: null, ...none },
    }),
    told('run.input-recorded', {
      ...{ kind: 'config', path: 'train.yaml', digest: MATERIAL.config, resolved_digest: digestOf('e') },
      ...{ git: { repository: null, commit: COMMIT, dirty: false }, ...none },
    }),
    told('run.environment-recorded', { attempt, ...environment, ...none }),
    told('run.parameters-recorded', { attempt, parameters: { ...parameters }, ...none }),
    told('run.metrics-logged', {
      attempt,
      rows: [{ kind: 'train', step: 300, n: 0, at: null, epoch: 3, values: { loss: 0.35, eval_loss: 0.36 } }],
    }),
    ...outputs,
    told('run.output-recorded', { role: 'training_args', type: null, path: 'args', digest: MATERIAL.args, ...output }),
    ...[...Object.values(MATERIAL), ...(weights === null ? [] : [weights])].map(register),
    told(
      'run.finished',
      {
        ...{ attempt, total_steps: 300, completed_steps: 300, epochs_completed: 3, active_seconds: 60 },
        ...{ final_weights: { attempt, step: 300 }, best_checkpoint: null, producers: [], ...none },
      },
      { occurred_at: new Date().toISOString() },
    ),
  ];
}

/** A verdict of the gates on it. */
export const verdictOn = (run: string, overall: EventPayload<'run.gates-evaluated'>['overall'] = 'passed'): Told => ({
  type: 'run.gates-evaluated',
  stream: `run/${run}`,
  payload: {
    ...{ trigger: { seq: 1, hash: '4'.repeat(64) }, position: 1, engine: 'runseal-gates/1', overall, weights: null },
    policy: { id: 'default', version: 0, hash: '9'.repeat(64), seq: null },
    gates: [
      {
        ...{ id: 'G1', name: 'stability', severity: 'block', verdict: overall === 'blocked' ? 'fail' : 'pass' },
        ...{ shadow: false, explanation: 'as it was seen', inputs: [], baseline: null },
      },
    ],
  } as EventPayload<'run.gates-evaluated'>,
});

const start = {
  ...{ experiment: 'support', name: 'lora-r16', tasks: null, objective: null, recorded: 'live' as const },
  ...{ trainer: { name: 'llama_factory', version: '0.9.3' }, expected_samples_per_second: null, tags: {} },
};

const environment = {
  seeds: { seed: 42, data_seed: 42, numpy_seed: 42 },
  versions: { python: '3.10.14', torch: '2.1.2', transformers: '4.36.2', peft: '0.7.1', llama_factory: '0.9.3' },
  platform: null,
  hardware: { gpu_type: 'NVIDIA A100', gpu_count: 1, cuda_version: '11.8', driver_version: null, hosts: null },
  determinism: { cudnn_deterministic: true, cudnn_benchmark: false, deterministic_algorithms: null },
  ...{ variables: {}, image_digest: null, lock_digest: null },
};

const parameters = {
  ...{ report_to: 'mlflow', logging_steps: 10, eval_strategy: 'steps', eval_steps: 100, save_steps: 500 },
  finetuning_type: 'lora',
};
