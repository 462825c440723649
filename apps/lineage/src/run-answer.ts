import {
  attemptsBehind,
  auditRecord,
  deletionsOf,
  evaluationAt,
  tensorsFiniteOf,
  weightsBehind,
  weightsOutput,
  type AnnotationFacts,
  type Fact,
  type InputFacts,
  type MaybeFact,
  type OutputFacts,
  type RunFacts,
  type VerdictFacts,
} from '@runseal/rules';
import type {
  AttemptAnswer,
  CheckpointAnswer,
  EnvironmentAnswer,
  EvaluationAnswer,
  FaultAnswer,
  MaterialAnswer,
  ModelVersionShort,
  RunAnswer,
  VerdictShort,
} from './answers.js';
import { hiddenBy } from './hidden-by.js';
import type { AnnotationAnswer } from './observed-answers.js';
import { millisOf, newestEvaluation, secondsBetween, stepOf, type RunDocument } from './run-document.js';

/** A run's story from what is known of it, and what was decided about it. */
export function runAnswerOf(
  run_id: string,
  document: RunDocument,
  decided: { readonly verdict: VerdictShort | null; readonly model: ModelVersionShort | null },
): RunAnswer {
  const { facts, rows } = document;
  const { started, terminal, progress } = facts;
  const started_at = valueOf(started?.at);
  const ended_at = valueOf(terminal?.at);
  const summary = auditRecord(facts, rows, facts.verdict).record.training_record.metrics_summary;
  const behind = weightsBehind(facts);
  return {
    run_id,
    name: valueOf(started?.name),
    experiment: valueOf(started?.experiment),
    target_model: valueOf(started?.target_model),
    objective: valueOf(started?.objective),
    tasks: valueOf(started?.tasks) ?? [],
    trainer: started?.trainer_name
      ? { name: started.trainer_name.value, version: valueOf(started.trainer_version) }
      : null,
    recorded: valueOf(started?.recorded),
    tags: started?.tags ?? {},
    principal: facts.principal?.value ?? '',
    state: facts.state,
    started_at,
    ended_at,
    duration_seconds: secondsBetween(millisOf(started_at), millisOf(ended_at)),
    active_seconds: valueOf(terminal?.active_seconds),
    progress: {
      step: stepOf(facts),
      total: valueOf(progress.total_steps),
      epochs: valueOf(terminal?.epochs_completed) ?? progress.newest?.epoch ?? null,
      total_epochs: valueOf(progress.total_epochs),
    },
    end: terminal && { type: terminal.type, error: terminal.cause, seq: terminal.seq },
    attempts: attemptsOf(document),
    checkpoints: checkpointsOf(document),
    weights: behind && { attempt: behind.attempt, step: behind.step },
    summary: {
      ...summary,
      final_eval_loss: newestEvaluation(document)?.value ?? null,
      rows: progress.rows,
    },
    parameters: Object.fromEntries(Object.entries(facts.parameters).map(([name, { value }]) => [name, value])),
    inputs: facts.inputs.map(inputOf),
    outputs: outputsOf(facts),
    environment: environmentOf(facts),
    evaluations: evaluationsOf(document),
    verdict: decided.verdict,
    model: decided.model,
    faults: faultsOf(document),
    annotations: facts.annotations.map(annotationOf),
    started_seq: started?.seq ?? null,
    newest_seq: facts.seq,
  };
}

/** Gates that count and are not met. */
export const unmetGates = (gates: VerdictFacts['gates']): string[] =>
  gates.filter(({ shadow, verdict }) => !shadow && verdict !== 'pass' && verdict !== 'skipped').map(({ id }) => id);

const valueOf = <Value>(fact: MaybeFact<Value> | undefined): Value | null => fact?.value ?? null;

function attemptsOf({ facts, rows }: RunDocument): AttemptAnswer[] {
  const behind = new Set(attemptsBehind(facts));
  return facts.attempts.map((attempt, index) => {
    const { first_loss, last_loss } = rows.attempts.find((one) => one.attempt === attempt.id) ?? {};
    return {
      attempt: attempt.id,
      number: index + 1,
      seq: attempt.seq,
      started_at: attempt.at,
      resumes: attempt.resumes,
      total_steps: valueOf(attempt.total_steps),
      processes: valueOf(attempt.processes),
      rows: attempt.rows,
      steps: first_loss && last_loss ? { from: first_loss.step, to: last_loss.step } : null,
      is_behind_weights: behind.has(attempt.id),
    };
  });
}

function checkpointsOf({ facts, rows }: RunDocument): CheckpointAnswer[] {
  const best = facts.terminal?.best_checkpoint?.value;
  const deletions = deletionsOf(facts);
  return facts.checkpoints
    .map(({ attempt, step, epoch, path, digest, size_bytes, seq }, index) => ({
      ...{ attempt, step, epoch, path, digest, size_bytes },
      eval_loss: evaluationAt(rows, { attempt, step })?.value ?? null,
      is_best: best != null && (best.path === null ? best.step === step : best.path === path),
      deleted_seq: deletions[index]?.seq ?? null,
      deleted_at: deletions[index]?.at ?? null,
      seq,
    }))
    .sort((left, right) => left.step - right.step || left.seq - right.seq);
}

function inputOf(input: InputFacts): MaterialAnswer {
  const { kind, role, name, path, digest, last_seq: seq } = input;
  const { source, license, revision, version, samples, schema, resolved_digest } = input;
  const { git_repository, git_commit, git_dirty } = input;
  const told = { source, license, revision, version, samples, schema, resolved_digest };
  const git = { repository: git_repository, commit: git_commit, dirty: git_dirty };
  const hasGit = Object.values(git).some((fact) => fact !== null);
  return {
    ...{ kind, role, name, path: valueOf(path), digest: valueOf(digest), files: null },
    facts: { ...valuesOf(told), ...(hasGit ? { git: valuesOf(git) } : {}) },
    asserted: assertedOf({ path, digest, ...told, git_repository, git_commit, git_dirty }),
    seq,
  };
}

/** Whether the final weights are finite, a later assessment of them may have told. */
function outputsOf(facts: RunFacts): MaterialAnswer[] {
  const weights = weightsOutput(facts);
  return facts.outputs.map((output) =>
    outputOf(output === weights ? { ...output, tensors_finite: tensorsFiniteOf(facts) } : output),
  );
}

function outputOf(output: OutputFacts): MaterialAnswer {
  const { role, type, path, digest, size_bytes, files, tensors_finite, seq } = output;
  return {
    ...{ kind: role, role: null, name: valueOf(path)?.split('/').at(-1) ?? null },
    ...{ path: valueOf(path), digest: valueOf(digest), files },
    facts: valuesOf({ type, size_bytes, tensors_finite }),
    asserted: assertedOf({ type, path, digest, size_bytes, tensors_finite }),
    seq,
  };
}

type Told = Readonly<Record<string, MaybeFact<unknown>>>;
const valuesOf = (told: Told) =>
  Object.fromEntries(Object.entries(told).flatMap(([name, fact]) => (fact === null ? [] : [[name, fact.value]])));
const assertedOf = (told: Told) =>
  Object.entries(told).flatMap(([name, fact]) => (fact?.asserted ? [`/payload/${name.replace(/^git_/, 'git/')}`] : []));

function environmentOf({ environment }: RunFacts): EnvironmentAnswer | null {
  const { versions, variables, ...one } = environment;
  const seqs = [...Object.values(versions), ...Object.values(variables), ...Object.values(one)].flatMap(
    (fact: Fact<unknown> | null) => fact?.seq ?? [],
  );
  if (seqs.length === 0) return null;
  const texts = (facts: Readonly<Record<string, Fact<string>>>) =>
    Object.fromEntries(Object.entries(facts).map(([name, { value }]) => [name, value]));
  return {
    seeds: {
      seed: valueOf(one.seed),
      data_seed: valueOf(one.data_seed),
      numpy_seed: valueOf(one.numpy_seed),
    },
    versions: texts(versions),
    platform: valueOf(one.platform),
    hardware: {
      gpu_type: valueOf(one.gpu_type),
      gpu_count: valueOf(one.gpu_count),
      cuda_version: valueOf(one.cuda_version),
      driver_version: valueOf(one.driver_version),
      hosts: valueOf(one.hosts),
    },
    determinism: {
      cudnn_deterministic: valueOf(one.cudnn_deterministic),
      cudnn_benchmark: valueOf(one.cudnn_benchmark),
      deterministic_algorithms: valueOf(one.deterministic_algorithms),
    },
    variables: texts(variables),
    image_digest: valueOf(one.image_digest),
    lock_digest: valueOf(one.lock_digest),
    seq: Math.max(...seqs),
  };
}

function evaluationsOf({ facts, evaluations }: RunDocument): EvaluationAnswer[] {
  const ids = new Map(evaluations);
  return facts.evaluated.map(({ seq, set, weights, task, metrics, after_training }) => ({
    evaluation: ids.get(seq) ?? null,
    seq,
    set: { kind: set.kind, name: set.name, version: set.version, digest: set.digest, samples: set.samples },
    weights,
    task,
    metrics: metrics.map(({ name, value, scale }) => ({ name, value, scale })),
    after_training,
  }));
}

const annotationOf = (annotation: AnnotationFacts): AnnotationAnswer => {
  const { name, text, value, attempt, at, by, seq } = annotation;
  return { name, text, value, attempt, at, by, hides: hiddenBy(annotation), seq };
};

function faultsOf({ facts, repeated }: RunDocument): FaultAnswer[] {
  const faults = facts.faults.map(({ kind, subject, words, seq, count }) => ({
    ...{ kind, seq, count },
    message: subject === null ? words : `${words} (${subject})`,
  }));
  if (!repeated) return faults;
  const message = 'rows came again under the key of an earlier one (attempt, kind, step, n); the first ones stay';
  return [...faults, { kind: 'row_repeated', message, ...repeated }];
}
