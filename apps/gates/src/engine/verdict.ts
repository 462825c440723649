export type Severity = 'block' | 'warn' | 'info';
export type Verdict = 'pass' | 'fail' | 'missing' | 'error' | 'skipped';
export type Overall = 'passed' | 'warnings' | 'blocked' | 'overridden';

/** An input as it was compared; non-finite numbers as JSON has them. */
export interface InputRead {
  readonly name: string;
  readonly value: number | string | boolean | null;
  readonly seq: number | null;
}

export interface BaselineUsed {
  readonly metric: string;
  readonly value: number | 'NaN' | 'Infinity' | '-Infinity';
  readonly seq: number;
}

/** What a gate found. */
export interface Finding {
  readonly verdict: Verdict;
  readonly explanation: string;
  readonly inputs: readonly InputRead[];
  readonly baseline?: BaselineUsed;
  /** Where the finding weighs less than the policy's severity. */
  readonly severity?: Severity;
}

export interface GateVerdict {
  readonly id: string;
  readonly name: string;
  readonly severity: Severity;
  readonly verdict: Verdict;
  readonly shadow: boolean;
  readonly explanation: string;
  readonly inputs: readonly InputRead[];
  readonly baseline: BaselineUsed | null;
}

const INPUTS_MAX = 200;
const EXPLANATION_MAX = 4_000;
const NAME_MAX = 250;

/**
 * Missing and error weigh as a failure does; a shadow gate and a skipped one weigh nothing. Where every gate that blocks was
 * overridden by a person it is `overridden`, which is never shown as passed.
 */
export function overallOf(gates: readonly GateVerdict[], overridden: readonly string[] = []): Overall {
  const counting = gates.filter(({ shadow, verdict }) => !shadow && verdict !== 'pass' && verdict !== 'skipped');
  const blocking = counting.filter(({ severity }) => severity === 'block');
  if (blocking.length > 0) return blocking.every(({ id }) => overridden.includes(id)) ? 'overridden' : 'blocked';
  return counting.some(({ severity }) => severity === 'warn') ? 'warnings' : 'passed';
}

/** Cuts a finding to what the event takes. */
export function toGateVerdict(
  gate: { readonly id: string; readonly check: string; readonly severity: Severity; readonly shadow: boolean },
  finding: Finding,
): GateVerdict {
  return {
    id: gate.id,
    name: gate.check,
    severity: finding.severity ?? gate.severity,
    verdict: finding.verdict,
    shadow: gate.shadow,
    explanation: shortened(finding.explanation.toWellFormed(), EXPLANATION_MAX),
    inputs: finding.inputs.slice(0, INPUTS_MAX).map(({ name, value, seq }) => ({
      name: shortened(name.toWellFormed(), NAME_MAX),
      value: typeof value === 'string' ? value.toWellFormed() : value,
      seq,
    })),
    baseline: finding.baseline ?? null,
  };
}

/** An input for the verdict. */
export function read(name: string, value: number | string | boolean | null, seq: number | null = null): InputRead {
  return { name, value: typeof value === 'number' ? asMetricValue(value) : value, seq };
}

/** A double as events have it. */
export const asMetricValue = (value: number): number | 'NaN' | 'Infinity' | '-Infinity' =>
  Number.isFinite(value) ? value : (String(value) as 'NaN' | 'Infinity' | '-Infinity');

/** Counts code points, as the schema does, and never cuts a pair of surrogates. */
function shortened(text: string, max: number): string {
  if (text.length <= max) return text;
  const points = [...text];
  return points.length <= max ? text : `${points.slice(0, max - 1).join('')}…`;
}
