import { toHex, toUtf8 } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import {
  auditFields,
  definitionOf,
  canonicalMetric,
  evaluationSetOf,
  modelNameOf,
  splitText,
  tensorsFiniteOf,
  weightsBehind,
  weightsOutput,
  attemptsBehind,
  type EvaluatedFacts,
  type RunFacts,
  type WeightsBehind,
} from '@runseal/rules';
import type {
  AttemptRows,
  DeclaredRow,
  EvaluationSet,
  JudgeInput,
  Reference,
  Rows,
  Sourced,
  TaskMetric,
} from '../engine/input.js';
import type { StoredRows } from './metric-columns.js';

export interface RunMaterial {
  readonly facts: RunFacts;
  readonly rows: readonly StoredRows[];
  readonly isRegistered: (digest: string) => boolean;
  readonly references: Readonly<Record<string, Reference | null>>;
  /** Gates overridden by a person, that being in force. */
  readonly overridden: readonly string[];
}

/** What the engine judges, from the facts of a run and its log rows. */
export function judgeInputOf({ facts, rows, isRegistered, references, overridden }: RunMaterial): JudgeInput {
  const weights = weightsBehind(facts);
  const set = evaluationSetOf(facts, sha256);
  const finite = tensorsFiniteOf(facts);
  const objective = facts.started?.objective ?? textParameter(facts, 'stage');
  const tasks = facts.started?.tasks ?? null;
  return {
    model: modelNameOf(facts),
    weights: weights && { attempt: weights.attempt, step: weights.step },
    attempts: attemptsOf(facts, rows, weights),
    pruned: facts.pruned && { records: facts.pruned.records, first_seq: facts.pruned.first_seq },
    tensorsFinite: finite && sourced(finite),
    warmupSteps: warmupOf(facts),
    objective: objective && sourced(objective),
    tasks: tasks && sourced(tasks),
    declaredRows: facts.evaluated.flatMap((evaluated) => declaredRowOf(facts, evaluated, weights)),
    evaluationSet: set && { kind: set.kind, digest: set.digest },
    taskMetrics: facts.evaluated
      .filter((evaluated) => isOfFinalWeights(facts, evaluated, weights))
      .flatMap(taskMetricsOf),
    references,
    audit: auditFields(facts, isRegistered),
    overridden,
  };
}

/**
 * The attempts behind the final weights with their rows. Where the run does not tell which those are, all attempts are judged,
 * those that it never declared too: none of them can be ruled out.
 */
function attemptsOf(facts: RunFacts, rows: readonly StoredRows[], weights: WeightsBehind | null): AttemptRows[] {
  const byAttempt = new Map(rows.map((stored) => [stored.attempt, stored.rows]));
  const ids = weights ? weights.attempts : allAttempts(facts, rows);
  const leading = new Set(weights ? weights.attempts : attemptsBehind(facts));
  return ids.map((attempt, index) => {
    const next = ids[index + 1];
    const own = byAttempt.get(attempt) ?? NO_ROWS;
    // An attempt that nothing goes on from, before another one began at the start, led nowhere.
    const until = leading.has(attempt) ? untilOf(facts, own, { next, byAttempt }) : -Infinity;
    return { attempt, until, rows: own };
  });
}

function allAttempts(facts: RunFacts, rows: readonly StoredRows[]): string[] {
  const declared = facts.attempts.map(({ id }) => id);
  const known = new Set(declared);
  const others = rows
    .filter(({ attempt }) => !known.has(attempt))
    .sort((one, other) => one.first_seq - other.first_seq);
  return [...others.map(({ attempt }) => attempt), ...declared];
}

/** Up to the step that the next attempt says it resumes from, else up to the first that it logged itself. */
function untilOf(
  facts: RunFacts,
  own: Rows,
  { next, byAttempt }: { readonly next: string | undefined; readonly byAttempt: ReadonlyMap<string, Rows> },
): number | null {
  if (next === undefined) return null;
  const resumed = facts.attempts.find(({ id }) => id === next)?.resumes?.step ?? null;
  if (resumed !== null) return resumed;
  const first = byAttempt.get(next)?.step.find((step) => step !== null) ?? Infinity;
  return own.step.reduce<number>(
    (last, step) => (step !== null && step < first && step > last ? step : last),
    -Infinity,
  );
}

const NO_ROWS: Rows = { kind: [], step: [], n: [], seq: [], loss: [], grad_norm: [], eval_loss: [], others: {} };

/** Steps, or a share of all steps: transformers 5 takes a share below 1 as `warmup_steps` too, older ones as `warmup_ratio`. */
function warmupOf(facts: RunFacts): Sourced<number> | null {
  const steps = numberParameter(facts, 'warmup_steps');
  if (steps && steps.value >= 1) return { value: Math.floor(steps.value), seq: steps.seq };
  const ratio = steps && steps.value > 0 ? steps : numberParameter(facts, 'warmup_ratio');
  const total = facts.terminal?.total_steps ?? facts.progress.total_steps;
  if (!ratio || !(ratio.value > 0 && ratio.value < 1) || !total) return null;
  return { value: Math.ceil(ratio.value * total.value), seq: ratio.seq };
}

function declaredRowOf(facts: RunFacts, evaluated: EvaluatedFacts, weights: WeightsBehind | null): DeclaredRow[] {
  const { row } = evaluated;
  if (!row) return [];
  const says = evaluated.weights && (evaluated.weights.step !== null || evaluated.weights.digest !== null);
  const isFinal = says ? isOfFinalWeights(facts, evaluated, weights) : evaluated.after_training || null;
  return [{ attempt: row.attempt, kind: row.kind, step: row.step, n: row.n, isFinal }];
}

/** By the digest of the weights, else by their step; where neither is said, by its coming after training or its row's step. */
function isOfFinalWeights(facts: RunFacts, evaluated: EvaluatedFacts, weights: WeightsBehind | null): boolean {
  const { weights: judged, row, after_training } = evaluated;
  const final = weightsOutput(facts)?.digest?.value ?? null;
  if (judged && judged.digest !== null && judged.digest === final) return true;
  if (judged && judged.step !== null) {
    return weights !== null && judged.step === weights.step && (judged.attempt ?? weights.attempt) === weights.attempt;
  }
  if (judged && judged.digest !== null) return false;
  if (after_training !== null) return after_training;
  return weights !== null && row !== null && row.step === weights.step && weights.attempts.includes(row.attempt);
}

function taskMetricsOf({ metrics, set, seq }: EvaluatedFacts): TaskMetric[] {
  return metrics.flatMap(({ name, value, scale, standard_error }) => {
    const metric = canonicalMetric(name, 'eval');
    const factor = scaleOf(metric) / scale.to;
    if (!Number.isFinite(factor) || factor <= 0) return [];
    return [
      {
        name: metric,
        value: Number(value) * factor,
        standard_error: standard_error === null ? null : standard_error * factor,
        set: identityOf(set),
        seq,
      },
    ];
  });
}

/** A split is known by what it is made from, one of unknown data by nothing. */
function identityOf({ kind, digest, split }: EvaluatedFacts['set']): EvaluationSet | null {
  if (digest !== null) return { kind, digest };
  if (kind !== 'split' || split === null || split.training_digest === null) return null;
  return { kind, digest: `sha256:${toHex(sha256(toUtf8(splitText(split))))}` };
}

/** The top of the scale on which thresholds and baselines of a task metric stand: the registry's, else 1. */
const scaleOf = (metric: string): number => definitionOf(metric)?.scale?.to ?? 1;

const sourced = <Value>({ value, seq }: { readonly value: Value; readonly seq: number }): Sourced<Value> => ({
  value,
  seq,
});

const parameterOf = ({ parameters }: RunFacts, name: string) =>
  Object.hasOwn(parameters, name) ? parameters[name] : undefined;

function numberParameter(facts: RunFacts, name: string): { readonly value: number; readonly seq: number } | null {
  const fact = parameterOf(facts, name);
  return fact && typeof fact.value === 'number' ? { value: fact.value, seq: fact.seq } : null;
}

function textParameter(facts: RunFacts, name: string): { readonly value: string; readonly seq: number } | null {
  const fact = parameterOf(facts, name);
  return fact && typeof fact.value === 'string' ? { value: fact.value, seq: fact.seq } : null;
}
