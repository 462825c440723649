// The verdict as `GET /v1/runs/{id}/gates` gives it, and as a person reads it.

export interface GateAnswer {
  readonly id: string;
  readonly name: string;
  readonly severity: 'block' | 'warn' | 'info';
  readonly verdict: 'pass' | 'fail' | 'missing' | 'error' | 'skipped';
  readonly explanation: string;
  readonly inputs: readonly { readonly name: string; readonly value: unknown; readonly seq: number | null }[];
  readonly shadow?: boolean;
}

export interface VerdictAnswer {
  readonly verdict_id: string;
  readonly seq: number;
  readonly overall: 'passed' | 'warnings' | 'blocked' | 'overridden';
  readonly policy: { readonly id: string; readonly version: number; readonly hash: string };
  readonly engine: string;
  readonly position: number;
  readonly superseded_by: string | null;
  readonly gates: readonly GateAnswer[];
}

/** The gates in one line: `G1 pass  G2 pass  G3 FAIL (warn)`. */
export function gatesLine(gates: readonly GateAnswer[]): string {
  return gates
    .map(({ id, verdict, severity }) => `${id} ${isGood(verdict) ? verdict : `${verdict.toUpperCase()} (${severity})`}`)
    .join('  ');
}

/** Each gate's sentence with the values that it looked at and the records that they come from. */
export function explainVerdict({ overall, policy, engine, position, seq, gates }: VerdictAnswer): string {
  const from = policy.version === 0 ? 'built in' : `version ${policy.version}`;
  const head =
    `${overall.toUpperCase()}: record ${seq}, by policy ${policy.id} (${from}, ${policy.hash.slice(0, 12)}…), ` +
    `${engine}, on records up to ${position}`;
  return [head, ...gates.map(explainGate)].join('\n\n');
}

function explainGate({ id, name, severity, verdict, explanation, inputs, shadow }: GateAnswer): string {
  const weight = shadow ? 'shadow, not counted' : severity;
  const values = inputs.map(
    (input) => `     ${input.name} = ${text(input.value)}${input.seq === null ? '' : `  (record ${input.seq})`}`,
  );
  const title = `${id} ${name.replaceAll('_', ' ')}: ${isGood(verdict) ? verdict : verdict.toUpperCase()} (${weight})`;
  return [title, `   ${explanation}`, ...values].join('\n');
}

const isGood = (verdict: GateAnswer['verdict']) => verdict === 'pass' || verdict === 'skipped';
const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
