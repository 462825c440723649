import type { AttemptRows, AuditField, JudgeInput, Reference, RowKind, Rows } from './input.js';
import { judge, type Judgement } from './judge.js';
import { parsePolicy } from './policy/parse-policy.js';
import type { Policy } from './policy/policy.js';
import type { GateVerdict } from './verdict.js';

export interface RowGiven {
  readonly step?: number | null;
  readonly kind?: RowKind;
  readonly n?: number;
  readonly loss?: number;
  readonly grad_norm?: number;
  readonly eval_loss?: number;
  readonly others?: Readonly<Record<string, number>>;
}

/** Rows in the order given; their records are 100, 101, ... */
export function rowsOf(given: readonly RowGiven[]): Rows {
  const names = [...new Set(given.flatMap(({ others }) => Object.keys(others ?? {})))];
  return {
    kind: given.map(({ kind, eval_loss }) => kind ?? (eval_loss === undefined ? 'train' : 'eval')),
    step: given.map(({ step }) => step ?? null),
    n: given.map(({ n }) => n ?? 0),
    seq: given.map((_, index) => 100 + index),
    loss: given.map(({ loss }) => loss ?? null),
    grad_norm: given.map(({ grad_norm }) => grad_norm ?? null),
    eval_loss: given.map(({ eval_loss }) => eval_loss ?? null),
    others: Object.fromEntries(names.map((name) => [name, given.map(({ others }) => others?.[name] ?? null)])),
  };
}

export const attemptOf = (rows: readonly RowGiven[], more: Partial<AttemptRows> = {}): AttemptRows => ({
  attempt: 'a',
  until: null,
  rows: rowsOf(rows),
  ...more,
});

/** Loss rows at the steps 10, 20, ... with a sound gradient. */
export const lossRows = (losses: readonly number[]): RowGiven[] =>
  losses.map((loss, index) => ({ step: 10 * (index + 1), loss, grad_norm: 1 }));

export const present: AuditField = {
  field: 'input_artifacts.config.git_commit',
  state: 'present',
  found: 'c0ffee',
  wanted: '40 hex digits',
  seq: 3,
  remedy: null,
};

const SET = { kind: 'fixed', digest: 'sha256:eval' } as const;

/** A sound run: 10 falling losses, an evaluation of the final weights at step 100, a complete audit record. */
export function inputOf(change: Partial<JudgeInput> = {}): JudgeInput {
  return {
    model: 'support',
    weights: { attempt: 'a', step: 100 },
    attempts: [
      attemptOf([...lossRows([2, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1]), { step: 100, eval_loss: 1.25 }]),
    ],
    pruned: null,
    tensorsFinite: { value: true, seq: 90 },
    warmupSteps: null,
    objective: { value: 'sft', seq: 1 },
    tasks: null,
    declaredRows: [],
    evaluationSet: SET,
    taskMetrics: [],
    references: { baseline: baselineOf({ eval_loss: 1.25 }) },
    audit: [present],
    overridden: [],
    ...change,
  };
}

export const baselineOf = (
  values: Readonly<Record<string, number>>,
  more: Partial<Reference['values'][string]> = {},
): Reference => ({
  seq: 50,
  words: 'the baseline of support',
  values: Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { value, standard_error: null, set: SET, ...more }]),
  ),
});

const policies = new Map<string, Policy>();

/** Of the default policy, or of the one given in YAML. */
export function judged(input: JudgeInput, text = 'gates: []'): Judgement {
  const policy = policies.get(text) ?? parsePolicy(text).policy;
  policies.set(text, policy);
  return judge(policy, input);
}

export function verdictOf(id: string, input: JudgeInput, policy?: string): GateVerdict {
  const found = judged(input, policy).gates.find((gate) => gate.id === id);
  if (!found) throw new Error(`The policy has no gate ${id}.`);
  return found;
}
