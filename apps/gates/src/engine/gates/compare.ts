import type { EvaluationSet, Reference, ReferenceValue } from '../input.js';
import { referenceKey, type BaselineGate, type CompareGate, type Direction } from '../policy/policy.js';
import { valueIn, type FinalValue, type RunView } from '../run-view.js';
import { asMetricValue, read, type Finding, type InputRead } from '../verdict.js';
import { shown, shownBeside } from '../words.js';

/** G4: not worse than the baseline that somebody set for the model. Until one is set it warns, and says how to set it. */
export function judgeBaseline(gate: BaselineGate, run: RunView): Finding {
  if (!run.findReference('baseline')) {
    const model = run.input.model ?? '<model>';
    return {
      verdict: 'missing',
      severity: gate.severity === 'block' ? 'warn' : gate.severity,
      inputs: [],
      explanation:
        `No baseline is set for the model ${model}. Set one from a run that you judge good enough: ` +
        `runseal baseline set --model ${model} --run <run> --reason "<why>".`,
    };
  }
  return judgeCompare({ ...gate, check: 'compare', to: 'baseline' }, run);
}

/** Not worse than what it is compared with, by more than the tolerance. */
export function judgeCompare(gate: CompareGate, run: RunView): Finding {
  const found = findCompared(gate, run);
  if ('finding' in found) return found.finding;
  const { current, reference, against, inputs } = found;
  const limit = limitOf(gate, against.value);
  const baseline = { metric: gate.metric, value: asMetricValue(against.value), seq: reference.seq };
  if (!Number.isFinite(against.value) || !Number.isFinite(limit)) {
    const explanation = `${gate.metric} of ${reference.words} is ${against.value}, which nothing can be compared with.`;
    return { verdict: 'error', inputs, baseline, explanation };
  }
  const { value } = current;
  const passes = Number.isFinite(value) && (gate.direction === 'lower' ? value <= limit : value >= limit);
  const [valueShown, limitShown] = shownBeside(value, limit);
  const explanation =
    `${gate.metric} ${valueShown}${current.step === null ? '' : ` at step ${current.step}`}, ${reference.words} ` +
    `${shown(against.value)}; ${gate.direction} is better, wanted ${gate.direction === 'lower' ? 'at most' : 'at least'} ` +
    `${limitShown} (${shown(gate.regression * 100)} % or ${shown(gate.absolute)} worse).`;
  return { verdict: passes ? 'pass' : 'fail', inputs: [...inputs, read('limit', limit)], baseline, explanation };
}

export interface Compared {
  readonly current: FinalValue;
  readonly reference: Reference;
  readonly against: ReferenceValue;
  readonly inputs: readonly InputRead[];
}

/** Finds both sides of a comparison, measured on the same evaluation set; else the finding that says what is missing. */
export function findCompared(
  { metric, to, severity }: Pick<CompareGate, 'metric' | 'to' | 'severity'>,
  run: RunView,
): Compared | { readonly finding: Finding } {
  const reference = run.findReference(referenceKey(to));
  if (!reference) {
    return missing([], `There is nothing to compare ${metric} with: the model has no ${tellName(referenceKey(to))}.`);
  }
  const against = valueIn(reference, metric);
  if (!against) return missing([], `${capital(reference.words)} has no ${metric} (record ${reference.seq}).`);
  const current = run.findFinal(metric);
  const known = [read(`${metric} of ${reference.words}`, against.value, reference.seq)];
  if (!current) return missing(known, `The final weights have no ${metric}, which ${reference.words} has.`);
  const inputs = [read(metric, current.value, current.seq), ...known];
  const difference = findSetDifference(current.set, against.set);
  if (!difference) return { current, reference, against, inputs };
  const { words, weighsLess } = difference;
  const finding: Finding = {
    verdict: 'missing',
    inputs: [
      ...inputs,
      read('evaluation set', current.set?.digest ?? null),
      read('evaluation set compared with', against.set?.digest ?? null),
    ],
    explanation: `${metric} cannot be compared with ${reference.words}: ${words}`,
    baseline: { metric, value: asMetricValue(against.value), seq: reference.seq },
  };
  return { finding: weighsLess && severity === 'block' ? { ...finding, severity: 'warn' } : finding };
}

/** A held-out part of the training data changes with the data, which is no one's fault: it weighs less than another fixed set. */
function findSetDifference(
  one: EvaluationSet | null,
  other: EvaluationSet | null,
): { words: string; weighsLess: boolean } | null {
  if (!one) {
    return {
      words: 'what the final weights were evaluated on is not recorded (run.evaluated says it).',
      weighsLess: false,
    };
  }
  if (!other) {
    return {
      words: 'what that was measured on is not recorded. Set it again with its evaluation set.',
      weighsLess: false,
    };
  }
  if (one.kind === other.kind && one.digest === other.digest) return null;
  if (one.kind === 'split' && other.kind === 'split') {
    const words = 'both were measured on a part of their training data, and not on the same. Use a fixed eval_dataset.';
    return { words, weighsLess: true };
  }
  return { words: 'they were measured on different evaluation sets.', weighsLess: false };
}

/**
 * The worst value that still passes: value >= baseline x (1 - r) where higher is better, value <= baseline / (1 - r) where lower
 * is; of a negative baseline the other way round, so that an equal value always passes. Near 0 the absolute tolerance decides.
 */
export function limitOf(
  { direction, regression, absolute }: Pick<CompareGate, 'direction' | 'regression' | 'absolute'>,
  baseline: number,
): number {
  const kept = Number((1 - regression).toPrecision(12));
  const relative = (direction === 'lower') === baseline >= 0 ? baseline / kept : baseline * kept;
  return direction === 'lower' ? Math.max(relative, baseline + absolute) : Math.min(relative, baseline - absolute);
}

/** A value moved by a share of its size: x 0.99 for 1 % down of a positive one. */
export function changed(value: number, way: 'up' | 'down', share: number): number {
  const factor = (way === 'down') === value >= 0 ? 1 - share : 1 + share;
  return value * Number(factor.toPrecision(12));
}

/** Whether `one` is better than `other`. */
export const isBetter = (direction: Direction, one: number, other: number): boolean =>
  direction === 'lower' ? one < other : one > other;

const missing = (inputs: readonly InputRead[], explanation: string) => ({
  finding: { verdict: 'missing', inputs, explanation } as const,
});
const tellName = (key: string): string => (key === 'production' ? 'version in production' : key);
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
