import type { AuditRecord, DatasetEntry } from './audit-record-shape.js';
import { deletionsOf } from './checkpoints.js';
import type { InputFacts, OutputFacts } from './material-facts.js';
import { bestEvaluationBehind, finalEvaluation, lossBehind } from './final-metrics.js';
import type { Fact, MaybeFact, RunFacts, VerdictFacts } from './run-facts.js';
import { evaluationAt, type RowValue, type RunRows } from './run-rows.js';
import { settleEvidence, type Sourced } from './evidence.js';
import { weightsOutput } from './weights.js';

export interface AuditRecordWithEvidence {
  readonly record: AuditRecord;
  /** JSON pointer of a leaf of `record` -> seq of the record that it comes from. Leaves that are null have none. */
  readonly evidence: Readonly<Record<string, number>>;
  /** Pointers to leaves that a person stated. */
  readonly asserted: readonly string[];
}

/** The audit record of the user's document. `verdict`: the newest one, `facts.verdict` unless asked as of another time. */
export function auditRecord(
  facts: RunFacts,
  rows: RunRows,
  verdict: Pick<VerdictFacts, 'overall' | 'seq'> | null,
): AuditRecordWithEvidence {
  return settleEvidence<AuditRecord>({
    input_artifacts: inputArtifacts(facts),
    training_record: trainingRecord(facts, rows),
    output_artifacts: outputArtifacts(facts, rows, verdict && { value: verdict.overall, seq: verdict.seq }),
    reproducibility: reproducibility(facts),
  });
}

/** What was learned from: data sets of role train; where there is none, those that were recorded without a role. */
export function trainingSets({ inputs }: Pick<RunFacts, 'inputs'>): readonly InputFacts[] {
  const sets = inputs.filter(({ kind }) => kind === 'dataset');
  const train = sets.filter(({ role }) => role === 'train');
  return train.length > 0 ? train : sets.filter(({ role }) => role === null);
}

export const baseModelOf = ({ inputs }: Pick<RunFacts, 'inputs'>): InputFacts | null =>
  inputs.find(({ kind }) => kind === 'base_model') ?? null;
export const configOf = ({ inputs }: Pick<RunFacts, 'inputs'>): InputFacts | null =>
  inputs.find(({ kind }) => kind === 'config') ?? null;
export const trainingArgsOf = ({ outputs }: Pick<RunFacts, 'outputs'>): OutputFacts | null =>
  outputs.findLast(({ role }) => role === 'training_args') ?? null;

/** llama_factory's version may stand with the trainer's name only. */
export function versionOf({ environment, started }: RunFacts, name: string): MaybeFact<string> {
  const { versions } = environment;
  if (Object.hasOwn(versions, name)) return versions[name] ?? null;
  return name === 'llama_factory' && isLlamaFactory(started?.trainer_name?.value)
    ? (started?.trainer_version ?? null)
    : null;
}

export const isLlamaFactory = (trainer: string | null | undefined): boolean =>
  trainer != null && /^llama[._-]?factory$/.test(trainer);

function inputArtifacts(facts: RunFacts): Sourced<AuditRecord['input_artifacts']> {
  const [base, config] = [baseModelOf(facts), configOf(facts)];
  return {
    base_model: {
      path: base?.path ?? null,
      source: base?.source ?? null,
      revision: base?.revision ?? null,
      hash: base?.digest ?? null,
      license: base?.license ?? null,
    },
    dataset: datasetEntry(trainingSets(facts)[0]),
    config: {
      file: config?.path ?? null,
      git_commit: config?.git_commit ?? null,
      content_hash: config?.digest ?? null,
      resolved_hash: config?.resolved_digest ?? null,
      dirty: config?.git_dirty ?? null,
      repository: config?.git_repository ?? null,
    },
    datasets: facts.inputs.filter(({ kind }) => kind === 'dataset').map(datasetEntry),
    other: facts.inputs
      .filter(({ kind }) => kind === 'other')
      .map((input) => ({
        role: textFact(input.role, input.seq),
        name: textFact(input.name, input.seq),
        path: input.path,
        source: input.source,
        hash: input.digest,
      })),
  };
}

const textFact = (value: string | null, seq: number): MaybeFact<string> => (value === null ? null : { value, seq });

const datasetEntry = (set: InputFacts | undefined): Sourced<DatasetEntry> => ({
  path: set?.path ?? null,
  version: set?.version ?? null,
  hash: set?.digest ?? null,
  samples: set?.samples ?? null,
  schema: set?.schema ?? null,
  role: set ? textFact(set.role, set.seq) : null,
  name: set ? textFact(set.name, set.seq) : null,
  source: set?.source ?? null,
  license: set?.license ?? null,
});

function trainingRecord(facts: RunFacts, rows: RunRows): Sourced<AuditRecord['training_record']> {
  const { started, terminal, first_seq, run_id } = facts;
  const [start, end] = [started?.at ?? null, terminal?.at ?? null];
  const best = terminal?.best_checkpoint ?? null;
  const bestLoss = bestEvaluationBehind(facts, rows);
  return {
    experiment_id: started?.experiment ?? null,
    run_id: run_id === null ? null : { value: run_id, seq: first_seq ?? facts.seq },
    timeline: {
      start_time: start,
      end_time: end,
      duration_seconds: start && end && { value: secondsBetween(start.value, end.value), seq: end.seq },
      active_seconds: terminal?.active_seconds ?? null,
    },
    progress: {
      total_steps: terminal?.total_steps ?? facts.progress.total_steps,
      completed_steps: terminal?.completed_steps ?? null,
      epochs_completed: terminal?.epochs_completed ?? null,
    },
    checkpoints: checkpointsOf(facts, rows),
    metrics_summary: {
      initial_loss: valueFact(lossBehind(facts, rows, 'first')),
      final_loss: valueFact(lossBehind(facts, rows, 'last')),
      best_eval_loss: bestLoss && { value: Number(bestLoss.value), seq: bestLoss.seq },
      best_checkpoint: best && bestCheckpointName(facts, best),
      best_checkpoint_step: best && best.value.step !== null ? { ...best, value: best.value.step } : null,
    },
    state: { value: facts.state, seq: facts.state_seq ?? facts.seq },
    attempts: { value: facts.attempts.length, seq: facts.attempts.at(-1)?.seq ?? facts.seq },
  };
}

const valueFact = (row: RowValue | null) => row && { value: row.value, seq: row.seq };

/** With the fractions that both have; to the millisecond. */
const secondsBetween = (start: string, end: string): number => (Date.parse(end) - Date.parse(start)) / 1_000;

/** By attempt and step, each with the evaluation of its own step. */
function checkpointsOf(facts: RunFacts, rows: RunRows): Sourced<AuditRecord['training_record']['checkpoints']> {
  const orderOf = new Map(facts.attempts.map(({ id }, index) => [id, index]));
  const order = (attempt: string) => orderOf.get(attempt) ?? Infinity;
  const deletions = deletionsOf(facts);
  return facts.checkpoints
    .map((saved, index) => ({ ...saved, deletion: deletions[index] ?? null }))
    .sort((left, right) =>
      left.attempt === right.attempt
        ? left.step - right.step
        : Math.sign(order(left.attempt) - order(right.attempt)) || 0,
    )
    .map(({ seq, step, path, digest, attempt, deletion }) => ({
      step: { value: step, seq },
      path: textFact(path, seq),
      eval_loss: valueFact(evaluationAt(rows, { attempt, step })),
      hash: textFact(digest, seq),
      attempt: { value: attempt, seq },
      deleted: deletion && { value: true, seq: deletion.seq },
    }));
}

/** The last part of its path; without one that of the checkpoint saved at its step. */
function bestCheckpointName(
  { checkpoints }: RunFacts,
  best: Fact<{ readonly step: number | null; readonly path: string | null }>,
): MaybeFact<string> {
  const { step, path } = best.value;
  if (path !== null) return { ...best, value: lastPart(path) };
  const saved = checkpoints.findLast((checkpoint) => checkpoint.step === step && checkpoint.path !== null);
  return saved ? { value: lastPart(saved.path as string), seq: saved.seq } : null;
}

const lastPart = (path: string): string => /([^/\\]+)[/\\]*$/.exec(path)?.[1] ?? path;

function outputArtifacts(
  facts: RunFacts,
  rows: RunRows,
  status: MaybeFact<VerdictFacts['overall']>,
): Sourced<AuditRecord['output_artifacts']> {
  const [adapter, args] = [weightsOutput(facts), trainingArgsOf(facts)];
  return {
    adapter: {
      path: adapter?.path ?? null,
      type: adapter?.type ?? null,
      files: adapter ? filesOf(adapter) : null,
      hash: adapter?.digest ?? null,
    },
    training_args: { path: args?.path ?? null, hash: args?.digest ?? null },
    metrics: {
      final_train_loss: valueFact(lossBehind(facts, rows, 'last')),
      final_eval_loss: valueFact(finalEvaluation(facts, rows)),
      quality_gate_status: status,
    },
    other: facts.outputs
      .filter((output) => output !== adapter && output !== args)
      .map((output) => ({
        role: { value: output.role, seq: output.seq },
        type: output.type,
        path: output.path,
        hash: output.digest,
        files: filesOf(output),
      })),
  };
}

const filesOf = ({ files, files_seq, seq }: OutputFacts) =>
  files &&
  files.map(({ path, digest }) => ({
    name: { value: path, seq: files_seq ?? seq },
    hash: textFact(digest, files_seq ?? seq),
  }));

function reproducibility(facts: RunFacts): Sourced<AuditRecord['reproducibility']> {
  const { environment } = facts;
  const { seed, data_seed, numpy_seed, gpu_type, gpu_count, cuda_version, driver_version, hosts } = environment;
  const { cudnn_deterministic, cudnn_benchmark, deterministic_algorithms } = environment;
  return {
    seeds: { seed, data_seed, numpy_seed },
    environment: {
      python_version: versionOf(facts, 'python'),
      torch_version: versionOf(facts, 'torch'),
      transformers_version: versionOf(facts, 'transformers'),
      peft_version: versionOf(facts, 'peft'),
      llama_factory_version: versionOf(facts, 'llama_factory'),
      platform: environment.platform,
      image_hash: environment.image_digest,
      lock_hash: environment.lock_digest,
    },
    hardware: { gpu_type, gpu_count, cuda_version, driver_version, hosts },
    determinism: { cudnn_deterministic, cudnn_benchmark, deterministic_algorithms },
  };
}
