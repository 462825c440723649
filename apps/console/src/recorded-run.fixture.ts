import { all, digest, runId, RUNS, type Json } from './recorded-answers.fixture.js';

const material = (change: Json): Json => ({
  kind: 'other',
  role: null,
  name: null,
  path: null,
  digest: null,
  files: null,
  facts: {},
  asserted: [],
  seq: 4,
  ...change,
});

const attempts = [
  {
    attempt: runId(901),
    number: 1,
    seq: 2,
    started_at: '2026-01-26T10:30:00Z',
    resumes: null,
    total_steps: 300,
    processes: 1,
    rows: 12,
    steps: { from: 10, to: 120 },
    is_behind_weights: true,
  },
  {
    attempt: runId(902),
    number: 2,
    seq: 40,
    started_at: '2026-01-26T12:10:00Z',
    resumes: { attempt: runId(901), step: 100 },
    total_steps: 300,
    processes: 1,
    rows: 20,
    steps: { from: 110, to: 300 },
    is_behind_weights: true,
  },
];

const checkpoints = [100, 200, 300].map((step, index) => ({
  attempt: runId(index === 0 ? 901 : 902),
  step,
  epoch: step / 100,
  path: `/storage/output/support-bot/checkpoint-${step}`,
  digest: step === 300 ? null : digest(step % 250),
  size_bytes: 167_800_000,
  eval_loss: [1.4, 1.21, 2.31][index],
  is_best: step === 200,
  deleted_seq: step === 100 ? 480 : null,
  deleted_at: step === 100 ? '2026-01-26T13:40:00Z' : null,
  seq: 60 + step,
}));

const inputs = [
  material({
    kind: 'base_model',
    path: '/storage/models/llama-3-8b',
    digest: null,
    facts: { source: 'meta-llama/Meta-Llama-3-8B', revision: '5f0b02c75b57c5855da9ae460ce51323ea669d8a' },
    asserted: ['/revision'],
  }),
  material({
    kind: 'dataset',
    role: 'train',
    name: 'support-v2',
    path: '/storage/data/train_v2.1.0',
    digest: digest(17),
  }),
  material({
    kind: 'config',
    path: 'train.yaml',
    digest: digest(34),
    facts: {
      resolved_digest: digest(35),
      git: { commit: '7890abc7890abc7890abc7890abc7890abc78901', dirty: false },
    },
    seq: 5,
  }),
];

const outputs = [
  material({
    kind: 'weights',
    role: 'weights',
    path: '/storage/output/support-bot',
    digest: digest(51),
    files: [
      { path: 'adapter_model.safetensors', digest: digest(52), size_bytes: 167_772_160 },
      { path: 'adapter_config.json', digest: digest(53), size_bytes: 812 },
    ],
    seq: 890,
  }),
];

export function runAnswer(id: string): Json | null {
  const item = all.find((run) => run['run_id'] === id);
  if (!item) return null;
  const isBroken = id === RUNS.broken;
  return {
    ...item,
    target_model: null,
    objective: 'sft',
    tasks: ['qa'],
    trainer: { name: 'llama_factory', version: '0.9.6' },
    recorded: 'afterwards',
    tags: {},
    active_seconds: isBroken ? 42.5 : 10_920,
    progress: { ...(item['progress'] as Json), epochs: 3, total_epochs: 3 },
    end: isBroken
      ? { type: 'run.failed', error: 'RuntimeError: loss is nan', exit_code: 1, signal: null, reason: null, seq: 77 }
      : { type: 'run.finished', error: null, exit_code: null, signal: null, reason: null, seq: 900 },
    attempts,
    checkpoints,
    weights: { attempt: runId(902), step: 300 },
    summary: {
      initial_loss: 2.104,
      final_loss: item['final_loss'],
      best_eval_loss: 1.21,
      final_eval_loss: item['eval_loss'],
      best_checkpoint: 'checkpoint-200',
      rows: 32,
    },
    parameters: { learning_rate: 0.0002 },
    inputs,
    outputs,
    environment: null,
    evaluations: [],
    verdict: item['overall'] === null ? null : { verdict_id: runId(950), overall: item['overall'], acceptance: null },
    model: item['overall'] === 'passed' ? { name: 'support-bot', version: 3, stage: 'Candidate', seq: 910 } : null,
    faults: isBroken
      ? [{ kind: 'event_after_end', message: 'A row came after the end of the run.', seq: 80, count: 2 }]
      : [],
    annotations: [
      {
        ...{ name: 'nan_inf_filter', value: true, text: 'as found', attempt: null, at: null, by: 'p_a', seq: 44 },
        hides: 'A loss that is not finite does not show.',
      },
    ],
    started_seq: 1,
  };
}
