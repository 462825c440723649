// Events of one run as sealed records, with the members that a test does not care about filled in.
import type { EventPayload, EventType } from '@runseal/contracts';
import type { RunEvent } from './run-event.js';

export const RUN = '019bf9da-6cbb-7acb-a255-12100f80b56f';
export const ATTEMPT = '019bf9da-6cbd-7781-9feb-09fd37b88593';
export const RESUMED = '019bfa00-0000-7000-8000-000000000002';
export const PRODUCER = '6f1c2b1e-52a4-4d0b-9c1f-0e6a7b3d2c11';
export const digestOf = (character: string): string => `sha256:${character.repeat(64)}`;

const blanks: { [Type in EventType]?: EventPayload<Type> } = {
  'run.started': {
    ...{ experiment: 'support-assistant', name: null, target_model: null, tasks: null, objective: null, trainer: null },
    ...{ recorded: 'live', expected_samples_per_second: null, tags: {}, asserted: [] },
  },
  'run.attempt-started': { resumes: null, total_steps: null, total_epochs: null, processes: null, asserted: [] },
  'run.parameters-recorded': { attempt: null, parameters: { seed: 42 }, asserted: [] },
  'run.metrics-logged': { attempt: ATTEMPT, rows: [] },
  'run.checkpoint-saved': {
    ...{ attempt: ATTEMPT, step: 100, epoch: null, path: null, digest: null, size_bytes: null, asserted: [] },
  },
  'run.checkpoint-deleted': { attempt: ATTEMPT, step: 100, path: null },
  'run.annotated': { attempt: ATTEMPT, name: 'raw_loss', text: null, value: true },
  'artifact.assessed': {
    ...{ run: RUN, assessor: { name: 'runseal-py', version: '0.1.0' }, kind: 'weights', profile: null },
    ...{ tensors_finite: true, asserted: [] },
  },
  'run.environment-recorded': {
    attempt: null,
    seeds: { seed: null, data_seed: null, numpy_seed: null },
    versions: {},
    platform: null,
    hardware: { gpu_type: null, gpu_count: null, cuda_version: null, driver_version: null, hosts: null },
    determinism: { cudnn_deterministic: null, cudnn_benchmark: null, deterministic_algorithms: null },
    variables: {},
    ...{ image_digest: null, lock_digest: null, asserted: [] },
  },
  'run.output-recorded': {
    ...{ role: 'weights', type: null, path: null, digest: null, size_bytes: null, files: null, tensors_finite: null },
    asserted: [],
  },
  'run.evaluated': {
    ...{ row: null, weights: null, task: null, metrics: [], evaluator: null, raters: null, after_training: null },
    set: { kind: 'fixed', name: null, version: null, digest: null, split: null, samples: null },
    asserted: [],
  },
  'run.finished': {
    ...{ attempt: ATTEMPT, total_steps: null, completed_steps: null, epochs_completed: null, active_seconds: null },
    ...{ final_weights: null, best_checkpoint: null, producers: [], asserted: [] },
  },
  'run.failed': {
    ...{ attempt: ATTEMPT, total_steps: null, completed_steps: null, epochs_completed: null, active_seconds: null },
    ...{ final_weights: null, best_checkpoint: null, producers: [], asserted: [] },
    ...{ error: null, exit_code: 1, signal: null },
  },
  'run.lost': { attempt: ATTEMPT, lease_s: 30, leases_missed: 3 },
  'run.events-dropped': { attempt: null, not_accepted: [], set_aside: [] },
  'run.gates-evaluated': {
    trigger: { seq: 0, hash: '4'.repeat(64) },
    position: 0,
    policy: { id: 'default', version: 0, hash: '9'.repeat(64), seq: null },
    ...{ engine: 'runseal-gates/1', overall: 'passed', weights: null },
    gates: [
      {
        ...{ id: 'G1', name: 'stability', severity: 'block', verdict: 'pass', shadow: false },
        ...{ explanation: 'every value is finite', inputs: [], baseline: null },
      },
    ],
  },
  'run.warnings-accepted': { verdict: ATTEMPT, verdict_hash: '5'.repeat(64), reason: 'small evaluation set' },
};

export const blankInputs = {
  base_model: { source: null, revision: null, path: null, digest: null, license: null, asserted: [] },
  dataset: {
    ...{ role: 'train', name: null, version: null, source: null, path: null, digest: null },
    ...{ samples: null, schema: null, license: null, asserted: [] },
  },
  config: { path: null, digest: null, resolved_digest: null, git: null, asserted: [] },
} as const;

/** An event with `payload` over a blank one of its type. */
export function event<Type extends EventType>(
  seq: number,
  type: Type,
  payload: Partial<EventPayload<Type>> = {},
  envelope: Partial<Omit<RunEvent, 'type' | 'payload'>> = {},
): RunEvent {
  return {
    ...{ seq, hash: seq.toString(16).padStart(64, '0'), id: idOf(seq), stream: `run/${RUN}`, actor: 'p_a' },
    ...{ occurred_at: null, sealed_at: '2026-01-26T10:30:00.200Z', producer: null },
    ...envelope,
    type,
    payload: { ...blanks[type], ...payload },
  } as unknown as RunEvent;
}

export const idOf = (seq: number): string => `019bfa00-0000-7000-8001-${seq.toString(16).padStart(12, '0')}`;

type Row = EventPayload<'run.metrics-logged'>['rows'][number];
export const row = (kind: Row['kind'], step: number | null, values: Row['values'], n = 0): Row => ({
  ...{ kind, step, n, at: null, epoch: null, values },
});
