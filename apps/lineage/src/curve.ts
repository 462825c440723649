import { doublesOf } from './metric-chunks.js';

/** Points of one metric in the order of their rows, each with a second value of its row beside it. NaN in `steps`: no step. */
export interface Curve {
  readonly steps: Float64Array;
  readonly values: Float64Array;
  readonly beside: Float64Array;
}

/** Rows of one attempt, as columns in the ledger's order. */
export interface AttemptColumns {
  readonly attempt: string;
  readonly steps: Uint8Array;
  readonly ns: Uint8Array;
  readonly beside: Uint8Array;
  readonly values: Uint8Array;
}

/**
 * The curve that counts: rows by step, then n; of a step that several attempts have logged, the rows of the last one.
 * `orderOf` gives an attempt's place among the attempts of the run.
 */
export function curveOf(columns: readonly AttemptColumns[], orderOf: (attempt: string) => number): Curve {
  const attempts = new Map<string, AttemptColumns[]>();
  for (const one of columns) attempts.set(one.attempt, [...(attempts.get(one.attempt) ?? []), one]);
  const ordered = [...attempts].sort(
    ([left], [right]) => orderOf(left) - orderOf(right) || (left < right ? -1 : Number(left > right)),
  );
  return ordered.map(([, parts]) => sorted(parts)).reduce(overlay, EMPTY);
}

const EMPTY: Curve = { steps: new Float64Array(), values: new Float64Array(), beside: new Float64Array() };

function sorted(parts: readonly AttemptColumns[]): Curve {
  const column = (name: 'steps' | 'ns' | 'beside' | 'values') => {
    const doubles = parts.map((part) => doublesOf(part[name]));
    return doubles.length === 1 ? (doubles[0] as Float64Array) : concatenate(doubles);
  };
  const [steps, ns, beside, values] = [column('steps'), column('ns'), column('beside'), column('values')];
  if (isAscending(steps, ns)) return { steps, values, beside };
  const order = Uint32Array.from(steps, (_, index) => index).sort(
    (left, right) =>
      compare(steps[left] as number, steps[right] as number) || (ns[left] as number) - (ns[right] as number),
  );
  const pick = (from: Float64Array) => Float64Array.from(order, (index) => from[index] as number);
  return { steps: pick(steps), values: pick(values), beside: pick(beside) };
}

function isAscending(steps: Float64Array, ns: Float64Array): boolean {
  for (let index = 1; index < steps.length; index += 1) {
    const by = compare(steps[index - 1] as number, steps[index] as number);
    if (by > 0 || (by === 0 && (ns[index - 1] as number) > (ns[index] as number))) return false;
  }
  return true;
}

/** Rows without a step come last. */
function compare(left: number, right: number): number {
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
  return left < right ? -1 : Number(left > right);
}

/** Both ascend; the rows of `later` replace those of `before` at the same step. */
function overlay(before: Curve, later: Curve): Curve {
  if (before.steps.length === 0) return later;
  if (later.steps.length === 0) return before;
  const picks: (readonly [Curve, number])[] = [];
  let [left, right] = [0, 0];
  while (left < before.steps.length || right < later.steps.length) {
    const by =
      left === before.steps.length
        ? 1
        : right === later.steps.length
          ? -1
          : compare(before.steps[left] as number, later.steps[right] as number);
    if (by < 0) picks.push([before, left++]);
    else if (by > 0) picks.push([later, right++]);
    else {
      const step = later.steps[right] as number;
      while (left < before.steps.length && compare(before.steps[left] as number, step) === 0) left += 1;
      while (right < later.steps.length && compare(later.steps[right] as number, step) === 0)
        picks.push([later, right++]);
    }
  }
  const pick = (name: keyof Curve) => Float64Array.from(picks, ([curve, index]) => curve[name][index] as number);
  return { steps: pick('steps'), values: pick('values'), beside: pick('beside') };
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
