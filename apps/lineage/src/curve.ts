/** Rows in the order that counts: their steps (NaN: none), and columns of values of the same rows. */
export interface Curve {
  readonly steps: Float64Array;
  readonly columns: readonly Float64Array[];
}

/** Some rows of one attempt, as columns. */
export interface AttemptColumns {
  readonly attempt: string;
  readonly steps: Uint8Array;
  /** Null: all are 0. */
  readonly ns: Uint8Array | null;
  /** As many in each. */
  readonly columns: readonly Uint8Array[];
}

/**
 * `parts` come in the ledger's order. The curve that counts: rows by step, then n; of a step that several attempts have logged, the rows of the last one.
 * `orderOf` gives an attempt's place among the attempts of the run.
 */
export function curveOf(parts: readonly AttemptColumns[], orderOf: (attempt: string) => number): Curve {
  const attempts = new Map<string, AttemptColumns[]>();
  for (const part of parts) {
    const own = attempts.get(part.attempt);
    if (own) own.push(part);
    else attempts.set(part.attempt, [part]);
  }
  const ordered = [...attempts].sort(
    ([left], [right]) => orderOf(left) - orderOf(right) || (left < right ? -1 : Number(left > right)),
  );
  return ordered
    .map(([, parts]) => sorted(parts))
    .reduce(overlay, { steps: new Float64Array(), columns: parts[0]?.columns.map(() => new Float64Array()) ?? [] });
}

/** The rows from one place up to another. */
export const sliceOf = ({ steps, columns }: Curve, from: number, to: number): Curve => ({
  steps: steps.subarray(from, to),
  columns: columns.map((column) => column.subarray(from, to)),
});

function sorted(parts: readonly AttemptColumns[]): Curve {
  const steps = join(parts.map((part) => part.steps));
  const columns = (parts[0]?.columns ?? []).map((_, index) =>
    join(parts.map((part) => part.columns[index] ?? new Uint8Array())),
  );
  const ns = parts.some((part) => part.ns !== null)
    ? join(parts.map((part) => part.ns ?? new Uint8Array(part.steps.length)))
    : null;
  if (isAscending(steps, ns)) return { steps, columns };
  const order = Uint32Array.from(steps, (_, index) => index).sort(
    (left, right) =>
      compare(steps[left] as number, steps[right] as number) ||
      (ns ? (ns[left] as number) - (ns[right] as number) : left - right),
  );
  const pick = (from: Float64Array) => Float64Array.from(order, (index) => from[index] as number);
  return { steps: pick(steps), columns: columns.map(pick) };
}

function isAscending(steps: Float64Array, ns: Float64Array | null): boolean {
  for (let index = 1; index < steps.length; index += 1) {
    const [left, right] = [steps[index - 1] as number, steps[index] as number];
    if (left < right) continue;
    const by = compare(left, right);
    if (by > 0 || (by === 0 && ns && (ns[index - 1] as number) > (ns[index] as number))) return false;
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
  return {
    steps: Float64Array.from(picks, ([curve, index]) => curve.steps[index] as number),
    columns: before.columns.map((_, column) =>
      Float64Array.from(picks, ([curve, index]) => curve.columns[column]?.[index] as number),
    ),
  };
}

/** The doubles that the parts hold, one after the other. */
function join(parts: readonly Uint8Array[]): Float64Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Float64Array(whole.buffer);
}
