// The arguments of the document's QualityGates.run_all, told to this engine. The Python package judges the same arguments with
// rules of its own; `vectors/quality-gates.json` holds both to one answer.
import { auditFields, canonicalMetric, definitionOf, evolveRun, newRunFacts, type RunEvent } from '@runseal/rules';
import { baselineOf, inputOf, rowsOf, type RowGiven } from './judge-input.fixture.js';
import type { AuditField, JudgeInput, RowKind, TaskMetric } from './input.js';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = Readonly<Record<string, Json>>;

/** What somebody calls it with; non-finite numbers as events have them. */
export interface DocumentCase {
  readonly name: string;
  /** The document's `quality_gates:` block; null: the default policy. */
  readonly policy: JsonObject | null;
  readonly baseline: JsonObject | null;
  readonly metrics: JsonObject;
  readonly audit_record: JsonObject;
}

const ATTEMPT = 'a';
const TASKS = new Set(['exact_match', 'f1', 'rouge-1', 'rouge-2', 'rouge-l', 'bleu', 'mmlu', 'human_score']);
const COLUMNS = new Set(['loss', 'grad_norm', 'eval_loss']);

/** The run as the engine sees it. Two values without rows stand for the windows at the ends of the curve: see `trendOf`. */
export function documentRun({ metrics, baseline, audit_record }: DocumentCase): JudgeInput {
  const logged = loggedRows(metrics);
  const step = finalStep(metrics, logged);
  const reference = referenceOf(baseline);
  const set = { kind: 'fixed', digest: textOf(metrics['eval_dataset_hash']) ?? 'told' } as const;
  const tasks = listOf(metrics['tasks']).filter((task) => typeof task === 'string');
  const warmup = numberOf(metrics['warmup_steps']);
  const objective = textOf(metrics['objective']);
  const finite = metrics['tensors_finite'];
  return inputOf({
    model: null,
    weights: { attempt: ATTEMPT, step },
    attempts: [
      { attempt: ATTEMPT, until: null, rows: rowsOf(numbered([...toldRows(metrics, logged, step), ...logged])) },
    ],
    tensorsFinite: typeof finite === 'boolean' ? { value: finite, seq: 1 } : null,
    warmupSteps: warmup === null ? null : { value: warmup, seq: 1 },
    objective: objective === null ? null : { value: objective, seq: 1 },
    tasks: tasks.length === 0 ? null : { value: tasks, seq: 1 },
    evaluationSet: set,
    taskMetrics: taskMetricsOf(metrics).map((metric) => ({ ...metric, set })),
    references: reference ? { baseline: reference } : {},
    audit: auditOf(audit_record),
  });
}

/** Where nothing but a first and a last loss is told, each stands for its window. Null where G2 is to judge the rows. */
export function trendOf(kase: DocumentCase): JudgeInput | null {
  const [first, last] = [numberOf(kase.metrics['initial_train_loss']), numberOf(kase.metrics['final_train_loss'])];
  if (first === null || last === null || loggedRows(kase.metrics).some(({ loss }) => loss !== undefined)) return null;
  const gradient = numberOf(kase.metrics['grad_norm']) ?? 0;
  const sound = gradient > 0 && Number.isFinite(gradient) ? { grad_norm: gradient } : {};
  const rows = [first, first, first, last, last, last].map((loss, index) => ({
    ...{ step: index + 1, loss },
    ...(index < 3 ? {} : sound),
  }));
  return inputOf({
    weights: { attempt: ATTEMPT, step: rows.length },
    attempts: [{ attempt: ATTEMPT, until: null, rows: rowsOf(numbered(rows)) }],
  });
}

function loggedRows(metrics: JsonObject): RowGiven[] {
  return listOf(metrics['log_history']).map((row) => {
    const values = objectOf(row);
    const kind = kindOf(values);
    const known = Object.entries(values).flatMap(([key, value]) => {
      const number = numberOf(value);
      return number === null || key === 'step' || key === 'epoch'
        ? []
        : [[canonicalMetric(key, kind), number] as const];
    });
    const others = Object.fromEntries(known.filter(([name]) => !COLUMNS.has(name) && !TASKS.has(name)));
    const columns = Object.fromEntries(known.filter(([name]) => COLUMNS.has(name)));
    return { kind, step: numberOf(values['step']), ...columns, others };
  });
}

function kindOf(values: JsonObject): RowKind {
  const names = Object.keys(values);
  // Some trainers log the evaluation's loss in a training row, and a runtime where tokens are counted.
  if (names.includes('loss')) return 'train';
  if (names.some((name) => /^eval[_/]/.test(name))) return 'eval';
  return names.some((name) => name === 'train_runtime' || name === 'total_flos') ? 'summary' : 'train';
}

/** Values beside the rows. Where rows have losses, a told one counts only against the run. */
function toldRows(metrics: JsonObject, logged: readonly RowGiven[], step: number): RowGiven[] {
  const hasRows = logged.some(({ loss }) => loss !== undefined);
  const [first, last] = [numberOf(metrics['initial_train_loss']), numberOf(metrics['final_train_loss'])];
  const gradient = numberOf(metrics['grad_norm']);
  const told: RowGiven[] = [];
  if (first !== null && (hasRows ? !Number.isFinite(first) : last !== null || first === 0 || !Number.isFinite(first)))
    told.push({ kind: 'train', step: null, loss: first });
  if (last !== null && (!hasRows || !Number.isFinite(last)))
    told.push({
      kind: 'train',
      step: hasRows ? null : step,
      loss: last,
      ...(gradient === null ? {} : { grad_norm: gradient }),
    });
  else if (gradient !== null && !Number.isFinite(gradient))
    told.push({ kind: 'train', step: null, grad_norm: gradient });
  const evaluated = evaluationTold(metrics);
  if (evaluated) told.push({ kind: 'eval', step, ...evaluated });
  return told;
}

function evaluationTold(metrics: JsonObject): Partial<RowGiven> | null {
  const loss = numberOf(metrics['final_eval_loss']) ?? numberOf(metrics['eval_loss']);
  const others = Object.fromEntries(
    ['eval_accuracy', 'perplexity'].flatMap((name) => {
      const value = numberOf(metrics[`final_${name}`]) ?? numberOf(metrics[name]);
      return value === null ? [] : [[name, value]];
    }),
  );
  if (loss === null && Object.keys(others).length === 0) return null;
  return { ...(loss === null ? {} : { eval_loss: loss }), others };
}

const finalStep = (metrics: JsonObject, logged: readonly RowGiven[]): number =>
  numberOf(metrics['final_step']) ?? Math.max(1, ...logged.flatMap(({ step }) => step ?? []));

/** In the engine's order: step, train before eval, as they came. */
function numbered(rows: readonly RowGiven[]): RowGiven[] {
  const rank = { train: 0, eval: 1, summary: 2 };
  const at = ({ step }: RowGiven) => step ?? Infinity;
  const of = ({ kind, eval_loss }: RowGiven) => rank[kind ?? (eval_loss === undefined ? 'train' : 'eval')];
  const counts = new Map<string, number>();
  return [...rows]
    .sort((left, right) => Math.sign(at(left) - at(right)) || of(left) - of(right))
    .map((row) => {
      const key = `${of(row)} ${row.step ?? null}`;
      const n = counts.get(key) ?? 0;
      counts.set(key, n + 1);
      return { ...row, n };
    });
}

function taskMetricsOf(metrics: JsonObject): Omit<TaskMetric, 'set'>[] {
  return Object.entries(metrics).flatMap(([key, given]) => {
    const name = canonicalMetric(key.replace(/^final_/, ''), 'eval');
    const told = numberOf(given);
    if (!TASKS.has(name) || told === null) return [];
    const value = key.startsWith('predict_') ? told / 100 : told;
    const top = definitionOf(name)?.scale?.to ?? 1;
    // On which scale it stands is not told, and this is not the thresholds'.
    if (Number.isFinite(value) && (value < 0 || value > top)) return [];
    return [{ name, value, standard_error: null, seq: 1 }];
  });
}

function referenceOf(baseline: JsonObject | null) {
  if (!baseline) return null;
  const set = { kind: 'fixed', digest: textOf(baseline['eval_dataset_hash']) ?? 'told' } as const;
  const values = Object.entries(baseline).flatMap(([key, given]) => {
    const value = numberOf(given);
    return value === null ? [] : [[canonicalMetric(key.replace(/^final_/, ''), 'eval'), value] as const];
  });
  return values.length === 0 ? null : baselineOf(Object.fromEntries(values), { set });
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** G6's fields, by the rules themselves: the record as the events that would tell of it. */
function auditOf(record: JsonObject): readonly AuditField[] {
  const { input_artifacts, training_record, output_artifacts, reproducibility } = record;
  const [inputs, outputs] = [objectOf(input_artifacts), objectOf(output_artifacts)];
  const [base, dataset, config] = ['base_model', 'dataset', 'config'].map((name) => objectOf(inputs[name]));
  const training = objectOf(training_record);
  const [timeline, progress] = [objectOf(training['timeline']), objectOf(training['progress'])];
  const [adapter, args] = [objectOf(outputs['adapter']), objectOf(outputs['training_args'])];
  const trainer = textOf(objectOf(training['trainer'])['name']);
  const steps = (name: string) => numberOf(progress[name]);
  const told: RunEvent[] = [
    eventOf(
      1,
      'run.started',
      {
        experiment: textOf(training['experiment_id']) ?? textOf(record['experiment_id']) ?? '',
        trainer: trainer === null ? null : { name: trainer, version: textOf(objectOf(training['trainer'])['version']) },
      },
      timeOf(timeline['start_time']),
    ),
    eventOf(2, 'run.input-recorded', {
      ...{ kind: 'base_model', path: textOf(base?.['path']), source: textOf(base?.['source']) },
      ...{ revision: textOf(base?.['revision']), digest: textOf(base?.['hash']), license: null },
    }),
    eventOf(3, 'run.input-recorded', {
      ...{ kind: 'dataset', role: 'train', name: null, source: null, license: null, path: textOf(dataset?.['path']) },
      ...{ version: textOf(dataset?.['version']), digest: textOf(dataset?.['hash']) },
      ...{ samples: numberOf(dataset?.['samples']), schema: textOf(dataset?.['schema']) },
    }),
    eventOf(4, 'run.input-recorded', {
      ...{ kind: 'config', path: textOf(config?.['file']) ?? textOf(config?.['path']) },
      digest: textOf(config?.['content_hash']) ?? textOf(config?.['hash']),
      resolved_digest: textOf(config?.['resolved_hash']),
      git: {
        ...{ repository: null, commit: textOf(config?.['git_commit']) },
        dirty: typeof config?.['dirty'] === 'boolean' ? config['dirty'] : null,
      },
    }),
    eventOf(5, 'run.environment-recorded', environmentOf(objectOf(reproducibility))),
    ...(isThere(adapter, ['path', 'type', 'files', 'hash'])
      ? [eventOf(6, 'run.output-recorded', { role: 'weights', ...outputOf(adapter) })]
      : []),
    ...(isThere(args, ['path', 'hash'])
      ? [eventOf(7, 'run.output-recorded', { role: 'training_args', ...outputOf(args), files: null })]
      : []),
    eventOf(
      8,
      'run.finished',
      {
        ...{ attempt: null, total_steps: steps('total_steps'), completed_steps: steps('completed_steps') },
        ...{ epochs_completed: null, active_seconds: null, final_weights: null, best_checkpoint: null, producers: [] },
      },
      timeOf(timeline['end_time']),
    ),
  ];
  const facts = told.reduce(evolveRun, newRunFacts());
  return auditFields({ ...facts, run_id: textOf(training['run_id']) }, (digest) => DIGEST.test(digest));
}

function environmentOf(reproducibility: JsonObject): object {
  const of = (name: string) => objectOf(reproducibility[name]);
  const [seeds, environment, hardware, determinism] = ['seeds', 'environment', 'hardware', 'determinism'].map(of);
  const versions = ['python', 'torch', 'transformers', 'peft', 'llama_factory'].flatMap((name) => {
    // The document's code writes them without the section that its record has them in.
    const version = textOf(environment?.[`${name}_version`]) ?? textOf(reproducibility[`${name}_version`]);
    return version === null ? [] : [[name, version]];
  });
  const numpy = seeds?.['numpy_seed'];
  const flag = (name: string) => (typeof determinism?.[name] === 'boolean' ? determinism[name] : null);
  return {
    seeds: {
      ...{ seed: numberOf(seeds?.['seed']), data_seed: numberOf(seeds?.['data_seed']) },
      numpy_seed: numpy === 'derived' ? numpy : numberOf(numpy),
    },
    versions: Object.fromEntries(versions),
    hardware: {
      ...{ gpu_type: textOf(hardware?.['gpu_type']), gpu_count: numberOf(hardware?.['gpu_count']) },
      ...{ cuda_version: null, driver_version: null, hosts: null },
    },
    determinism: {
      ...{ cudnn_deterministic: flag('cudnn_deterministic'), cudnn_benchmark: flag('cudnn_benchmark') },
      deterministic_algorithms: null,
    },
    ...{ platform: null, variables: {}, image_digest: null, lock_digest: null },
  };
}

function outputOf(output: JsonObject): object {
  const files = output['files'];
  return {
    ...{ path: textOf(output['path']), type: textOf(output['type']), digest: textOf(output['hash']) },
    files: Array.isArray(files)
      ? files.map((file) => ({
          path: textOf(objectOf(file)['name']) ?? '?',
          digest: textOf(objectOf(file)['hash']),
          size_bytes: null,
        }))
      : null,
    ...{ size_bytes: null, tensors_finite: null },
  };
}

function eventOf(seq: number, type: RunEvent['type'], payload: object, occurred_at: string | null = null): RunEvent {
  const id = `019bfa00-0000-7000-8001-${seq.toString(16).padStart(12, '0')}`;
  return {
    ...{ seq, id, type, occurred_at, hash: '0'.repeat(64), stream: 'run/019bf9da-6cbb-7acb-a255-12100f80b56f' },
    ...{ actor: 'p_a', sealed_at: '2026-01-26T10:30:00.200Z', producer: null },
    payload: {
      ...{ name: null, target_model: null, tasks: null, objective: null, trainer: null, recorded: 'live', tags: {} },
      ...{ expected_samples_per_second: null, attempt: null, asserted: [], ...payload },
    },
  } as unknown as RunEvent;
}

const isThere = (object: JsonObject, names: readonly string[]): boolean =>
  names.some((name) => (object[name] ?? null) !== null);
const objectOf = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);
const textOf = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);
const timeOf = (value: Json | undefined): string | null =>
  typeof value === 'string' && TIME.test(value) ? value : null;

function numberOf(value: Json | undefined): number | null {
  if (typeof value === 'number') return value;
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : null;
}
