// What somebody may call the document's QualityGates with. Each case is one change of a sound one.
import { digest, soundRecord } from './document-record.fixture.js';
import type { DocumentCase, Json, JsonObject } from './document-run.fixture.js';

const scalars = { initial_train_loss: 2.1, final_train_loss: 1, final_eval_loss: 1.1 };
const baseline = { eval_loss: 1.1 };

const sound: Omit<DocumentCase, 'name'> = { policy: null, baseline, metrics: scalars, audit_record: soundRecord };
const of = (name: string, change: Partial<DocumentCase> = {}): DocumentCase => ({ ...sound, name, ...change });
const told = (name: string, change: JsonObject) => of(name, { metrics: { ...scalars, ...change } });
const without = (name: string, ...keys: string[]) =>
  of(name, { metrics: Object.fromEntries(Object.entries(scalars).filter(([key]) => !keys.includes(key))) });

/** The record with another value at a path; undefined: without it. */
function recordWith(path: string, value: Json | undefined): JsonObject {
  const record = structuredClone(soundRecord) as Record<string, unknown>;
  const parts = path.split('.');
  const place = parts.slice(0, -1).reduce((at, part) => at[part] as Record<string, unknown>, record);
  if (value === undefined) delete place[parts.at(-1) as string];
  else place[parts.at(-1) as string] = value;
  return record as JsonObject;
}
const recorded = (path: string, value: Json | undefined) =>
  of(`record: ${path} is ${value === undefined ? 'left out' : JSON.stringify(value)}`, {
    audit_record: recordWith(path, value),
  });

const losses = [2, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1];
const trained: readonly JsonObject[] = losses.map((loss, index) => ({
  step: 10 * (index + 1),
  loss,
  grad_norm: 1,
  epoch: 0.1,
}));
const evaluated: JsonObject = { step: 100, eval_loss: 1.25, eval_runtime: 3 };
const ended: JsonObject = { step: 100, train_runtime: 60, train_loss: 0, total_flos: 1 };
const logged = (name: string, history: readonly Json[], more: Partial<DocumentCase> & { told?: JsonObject } = {}) => {
  const { told: beside, ...change } = more;
  return of(name, { baseline: { eval_loss: 1.25 }, metrics: { log_history: history, ...beside }, ...change });
};
const rowChanged = (index: number, change: JsonObject) =>
  trained.map((row, at) => (at === index ? { ...row, ...change } : row));

const stability = [
  told('final loss NaN', { final_train_loss: 'NaN' }),
  told('final loss infinite', { final_train_loss: 'Infinity' }),
  told('initial loss infinite: everything improves on that', { initial_train_loss: 'Infinity' }),
  told('initial loss NaN', { initial_train_loss: 'NaN' }),
  told('final loss exactly 0', { final_train_loss: 0 }),
  told('final loss 0 with a sound gradient', { final_train_loss: 0, grad_norm: 0.5 }),
  told('gradient NaN', { grad_norm: 'NaN' }),
  told('initial loss 0', { initial_train_loss: 0 }),
  told('eval loss NaN', { final_eval_loss: 'NaN' }),
  without('nothing but an initial loss', 'final_train_loss', 'final_eval_loss'),
  of('nothing but an initial loss, NaN', { metrics: { initial_train_loss: 'NaN' } }),
  of('no metrics', { metrics: {} }),
  of('placeholders for metrics', {
    metrics: { initial_train_loss: null, final_train_loss: null, final_eval_loss: null, log_history: [] },
  }),
  told('final tensors not finite', { tensors_finite: false }),
  logged('rows: sound', [...trained, evaluated, ended]),
  logged('rows: one loss NaN', [...rowChanged(4, { loss: 'NaN' }), evaluated]),
  logged('rows: one gradient infinite', [...rowChanged(0, { grad_norm: 'Infinity' }), evaluated]),
  logged('rows: one loss 0 and no gradient', [...rowChanged(4, { loss: 0, grad_norm: null }), evaluated]),
  logged('rows: a tiny loss rounded to 0', [...rowChanged(4, { loss: 0 }), evaluated]),
  logged('rows: two gradients of 0', [
    ...trained.map((row, at) => (at < 2 ? { ...row, grad_norm: 0 } : row)),
    evaluated,
  ]),
  logged('rows: three gradients of 0', [
    ...trained.map((row, at) => (at < 3 ? { ...row, grad_norm: 0 } : row)),
    evaluated,
  ]),
  logged('rows: an earlier evaluation NaN', [...trained, { step: 50, eval_loss: 'NaN' }, evaluated]),
  logged('rows: a told loss is NaN', [...trained, evaluated], { told: { final_train_loss: 'NaN' } }),
  logged('rows: poisoned, as the trainer’s filter shows it', [
    ...[5.99, 5.85, 4.58, 0, 0].map((loss, at) => ({ step: at + 1, loss, grad_norm: at < 2 ? 1 : 'NaN' })),
    { step: 5, eval_loss: 'NaN' },
    { step: 5, train_runtime: 3, train_loss: 2.61 },
  ]),
];

const trend = [
  of('sound'),
  told('no better than it began', { final_train_loss: 2.1, final_eval_loss: 1.1 }),
  told('0.5 % better', { final_train_loss: 2.0895 }),
  told('exactly 1 % better', { final_train_loss: 2.079 }),
  told('grown', { final_train_loss: 3 }),
  told('a first loss below 0', { initial_train_loss: -1, final_train_loss: -2, final_eval_loss: -1.9 }),
  without('no initial loss', 'initial_train_loss'),
  without('no final loss', 'final_train_loss'),
  logged('rows: five', [...trained.slice(0, 5), { step: 50, eval_loss: 1.6 }]),
  logged('rows: flat', [...trained.map((row) => ({ ...row, loss: 1 })), evaluated]),
  logged('rows: warm-up left out', [...trained, evaluated], { told: { warmup_steps: 50 } }),
  logged('rows: both losses in one', [...rowChanged(9, { eval_loss: 1.25 })]),
  logged('rows: both losses in one, NaN', [...rowChanged(9, { loss: 'NaN', eval_loss: 1.25 })]),
  logged('rows: with a runtime, as where tokens are counted', [
    ...trained.map((row) => ({ ...row, train_runtime: 3, num_input_tokens_seen: 99 })),
    evaluated,
  ]),
  logged('rows: five, with first and last told', trained.slice(0, 5), { told: scalars }),
  logged('rows: in any order', [evaluated, ...[...trained].reverse()]),
];

const generalization = [
  told('eval loss 1.2 of the final loss', { final_eval_loss: 1.2 }),
  told('eval loss just below', { final_eval_loss: 1.199 }),
  told('eval loss twice the final loss', { final_eval_loss: 2 }),
  without('no eval loss', 'final_eval_loss'),
  told('preference training, near', { objective: 'dpo', final_train_loss: 0.01, final_eval_loss: 0.3 }),
  told('preference training, far', { objective: 'dpo', final_train_loss: 0.01, final_eval_loss: 0.32 }),
  told('a final loss below 0', { final_train_loss: -1, final_eval_loss: -0.9 }),
  logged('rows: judged by those since the evaluation before', [
    ...trained,
    { step: 90, eval_loss: 1.2 },
    { step: 100, eval_loss: 1.31 },
  ]),
  logged('rows: the final weights are those of step 50', [...trained, { step: 50, eval_loss: 1.9 }, evaluated], {
    told: { final_step: 50 },
  }),
  logged('rows: the last step was not evaluated', [...trained, { step: 50, eval_loss: 1.6 }]),
  logged('rows: not evaluated, but told', trained, { told: { final_eval_loss: 1.25 } }),
  logged('rows: only evaluations', [evaluated], { told: { final_train_loss: 1.2 } }),
];

const comparison = [
  told('twice as bad', { final_eval_loss: 2.2, final_train_loss: 2 }),
  told('10 % better', { final_eval_loss: 0.99 }),
  told('5 % worse', { final_eval_loss: 1.155 }),
  told('6 % worse', { final_eval_loss: 1.166, final_train_loss: 1.05 }),
  of('no baseline', { baseline: null }),
  of('an empty baseline', { baseline: {} }),
  of('a baseline of placeholders', { baseline: { eval_loss: null } }),
  of('a baseline of another metric', { baseline: { eval_accuracy: 0.9 } }),
  of('a baseline that is NaN', { baseline: { eval_loss: 'NaN' } }),
  of('a baseline of 0', { baseline: { eval_loss: 0 } }),
  of('near a baseline of 0', { baseline: { eval_loss: 0 }, metrics: { ...scalars, final_eval_loss: 0.0005 } }),
  of('a baseline below 0', { baseline: { eval_loss: -1 }, metrics: { ...scalars, final_eval_loss: -0.96 } }),
  of('the same evaluation set', {
    baseline: { ...baseline, eval_dataset_hash: digest('a') },
    metrics: { ...scalars, eval_dataset_hash: digest('a') },
  }),
  of('another evaluation set', {
    baseline: { ...baseline, eval_dataset_hash: digest('a') },
    metrics: { ...scalars, eval_dataset_hash: digest('b') },
  }),
  of('an evaluation set told on one side', { baseline: { ...baseline, eval_dataset_hash: digest('a') } }),
  logged('rows: worse than the baseline', [...trained, evaluated], { baseline: { eval_loss: 1 } }),
];

const accuracy = { baseline_comparison: ['current_metric >= baseline * 0.9', { metric: 'eval_accuracy' }] };
const ruled = [
  of('policy: the document’s, as it stands', {
    policy: {
      training_stability: ['loss != NaN', 'loss != Inf', { loss_decreased: true }],
      generalization: ['eval_loss < train_loss * 1.2'],
      baseline_comparison: ['current_metric >= baseline * 0.95'],
      audit_completeness: [{ all_artifacts_logged: true }, { all_hashes_computed: true }, { config_versioned: true }],
    },
  }),
  of('policy: a tighter ratio', { policy: { generalization: ['eval_loss < train_loss * 1.05'] } }),
  of('policy: a looser baseline', {
    policy: { baseline_comparison: ['current_metric >= baseline * 0.5'] },
    metrics: { ...scalars, final_eval_loss: 1.19 },
  }),
  of('policy: no trend wanted', {
    policy: { training_stability: { loss_decreased: false } },
    metrics: { ...scalars, final_train_loss: 3 },
  }),
  of('policy: no baseline wanted', { policy: { baseline_comparison: false }, baseline: null }),
  of('policy: accuracy, higher is better', {
    policy: accuracy,
    baseline: { eval_accuracy: 0.8 },
    metrics: { ...scalars, eval_accuracy: 0.73 },
  }),
  of('policy: accuracy, too low', {
    policy: accuracy,
    baseline: { eval_accuracy: 0.8 },
    metrics: { ...scalars, eval_accuracy: 0.71 },
  }),
  of('policy: accuracy, absent', { policy: accuracy, baseline: { eval_accuracy: 0.8 } }),
  of('policy: accuracy from the rows', {
    policy: accuracy,
    baseline: { eval_accuracy: 0.8 },
    metrics: { log_history: [...trained, { ...evaluated, eval_accuracy: 0.9 }] },
  }),
  of('policy: perplexity follows from the loss', {
    policy: { baseline_comparison: [{ metric: 'perplexity' }] },
    baseline: { eval_loss: 1.1 },
    metrics: { ...scalars, final_eval_loss: 1.2, final_train_loss: 1.1 },
  }),
];

const tasks = [
  told('task: qa, good', { tasks: ['qa'], exact_match: 0.9, f1: 0.85 }),
  told('task: qa, at the threshold', { tasks: ['qa'], exact_match: 0.9, f1: 0.8 }),
  told('task: qa, half of it', { tasks: ['qa'], f1: 0.85 }),
  told('task: qa, NaN', { tasks: ['qa'], exact_match: 0.9, f1: 'NaN' }),
  told('task: one that nobody knows', { tasks: ['poetry'] }),
  told('task: summarization as LLaMA-Factory logs it', {
    tasks: ['summarization'],
    'predict_rouge-1': 45.2,
    'predict_rouge-l': 31,
  }),
  told('task: summarization as LLaMA-Factory logs it, low', {
    tasks: ['summarization'],
    'predict_rouge-1': 25.2,
    'predict_rouge-l': 31,
  }),
  told('task: a percentage of which nobody says so', { tasks: ['translation'], bleu: 31 }),
  of('task: general, above the baseline', {
    baseline: { ...baseline, mmlu: 0.6 },
    metrics: { ...scalars, tasks: ['general'], mmlu: 0.61 },
  }),
  of('task: general, equal', {
    baseline: { ...baseline, mmlu: 0.6 },
    metrics: { ...scalars, tasks: ['general'], mmlu: 0.6 },
  }),
  told('task: general without a baseline for it', { tasks: ['general'], mmlu: 0.6 }),
  told('task: chat', { tasks: ['chat'], human_score: 3.6 }),
];

const audit = [
  of('record: empty', { audit_record: {} }),
  of('record: empty sections', { audit_record: { input_artifacts: {}, output_artifacts: {}, reproducibility: {} } }),
  of('record: placeholders', {
    audit_record: { input_artifacts: { x: null }, output_artifacts: { x: null }, reproducibility: { x: null } },
  }),
  of('record: no training record', { audit_record: recordWith('training_record', undefined) }),
  recorded('input_artifacts.base_model.revision', 'main'),
  recorded('input_artifacts.base_model.source', null),
  of('record: a hash in place of a revision', {
    audit_record: recordWith('input_artifacts.base_model', { source: 'org/base', revision: 'main', hash: digest('b') }),
  }),
  recorded('input_artifacts.dataset.hash', 'sha256:def456...'),
  recorded('input_artifacts.dataset.samples', null),
  recorded('input_artifacts.config.git_commit', '7890abc'),
  recorded('input_artifacts.config.dirty', null),
  recorded('training_record.run_id', null),
  recorded('training_record.timeline.end_time', '2026-01-26T09:00:00Z'),
  recorded('training_record.timeline.end_time', 'yesterday'),
  recorded('training_record.timeline.end_time', '2026-01-26T11:45:00+02:00'),
  recorded('training_record.trainer', undefined),
  recorded('training_record.trainer', { name: 'llama_factory', version: '0.9.5' }),
  recorded('output_artifacts.adapter', { path: '/out', type: 'lora', files: [{ name: 'a', hash: null }], hash: null }),
  recorded('output_artifacts.adapter', { path: '/out', type: 'lora', files: null, hash: null }),
  recorded('output_artifacts.adapter', { path: '/out', type: null, files: null, hash: digest('a') }),
  recorded('output_artifacts.adapter', { path: '/out', type: null, files: null, hash: 'sha256:abc' }),
  recorded('output_artifacts.adapter', null),
  recorded('output_artifacts.training_args.hash', null),
  recorded('reproducibility.seeds.numpy_seed', 42),
  recorded('reproducibility.seeds.numpy_seed', 'some'),
  recorded('reproducibility.environment.peft_version', null),
  recorded('reproducibility.environment.torch_version', ' '),
  recorded('reproducibility.hardware', { gpu_type: 'cpu', gpu_count: null }),
  recorded('reproducibility.hardware', { gpu_type: 'cpu', gpu_count: 1 }),
  recorded('reproducibility.hardware', { gpu_type: 'NVIDIA A100', gpu_count: 0 }),
  recorded('reproducibility.determinism.cudnn_benchmark', null),
  of('record: versions where the document’s code writes them', {
    audit_record: recordWith('reproducibility', {
      ...soundRecord.reproducibility,
      environment: {},
      ...soundRecord.reproducibility.environment,
    }),
  }),
  of('record: full weights need no peft', {
    audit_record: {
      ...recordWith('reproducibility.environment.peft_version', null),
      output_artifacts: {
        ...soundRecord.output_artifacts,
        adapter: { ...soundRecord.output_artifacts.adapter, type: 'full' },
      },
    },
  }),
];

export const documentCases: readonly DocumentCase[] = [
  ...stability,
  ...trend,
  ...generalization,
  ...comparison,
  ...ruled,
  ...tasks,
  ...audit,
];
