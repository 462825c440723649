// The verdict as `GET /v1/runs/{id}/gates` gives it, and as a person reads it.
import type { VerdictAnswer } from '@runseal/gates';
import { noPaint, type Paint } from './paint.js';
import { plain, shortTime, wrap } from './text-table.js';

type GateAnswer = VerdictAnswer['gates'][number];

/** The gates in one line: `G1 pass  G2 pass  G3 FAIL (warn)`. */
export function gatesLine(gates: readonly GateAnswer[], paint: Paint = noPaint): string {
  return gates.map((gate) => `${gate.id} ${paint(verdictWord(gate), gate.verdict)}`).join('  ');
}

function verdictWord({ verdict, severity, shadow }: GateAnswer): string {
  if (isGood(verdict)) return verdict;
  return `${verdict.toUpperCase()} (${shadow ? 'shadow' : severity})`;
}

/** Each gate's sentence with the values that it looked at and the records that they come from. `earlier`: the newest first. */
export function explainVerdict(
  verdict: VerdictAnswer,
  earlier: readonly VerdictAnswer[] = [],
  paint: Paint = noPaint,
): string {
  const { overall, gates } = verdict;
  const parts = [
    `${paint(overall.toUpperCase(), overall)}  run ${verdict.run_id}`,
    ...groundsOf(verdict).map((line) => wrap(line, '  ')),
    ...(earlier.length > 0 ? [wrap(`before: ${earlier.map(inShort).join(', ')}`, '  ')] : []),
  ];
  return [parts.join('\n'), ...gates.map((gate) => explainGate(gate, paint)), ...adviceOn(verdict)].join('\n\n');
}

function groundsOf({ seq, sealed_at, policy, engine, position, superseded_by, accepted }: VerdictAnswer): string[] {
  const from = policy.version === 0 ? 'built in' : `version ${policy.version}`;
  return [
    `sealed in record ${seq}, ${shortTime(sealed_at)}, on the records up to ${position}`,
    `by policy ${policy.id} (${from}, ${policy.hash.slice(0, 12)}…) and engine ${engine}`,
    ...(accepted === null ? [] : [`warnings accepted by ${accepted.by} in record ${accepted.seq}: ${accepted.reason}`]),
    ...(superseded_by === null ? [] : [`superseded by verdict ${superseded_by}`]),
  ];
}

const inShort = ({ overall, seq }: VerdictAnswer) => `${overall} (record ${seq})`;

function explainGate(gate: GateAnswer, paint: Paint): string {
  const { id, name, severity, verdict, explanation, inputs, shadow } = gate;
  const weight = shadow ? 'shadow, not counted' : severity;
  const word = paint(isGood(verdict) ? verdict : verdict.toUpperCase(), verdict);
  const width = Math.max(0, ...inputs.map((input) => plain(input.name).length));
  const values = inputs.map(
    (input) =>
      `     ${plain(input.name).padEnd(width)}  ${text(input.value)}${input.seq === null ? '' : `  (record ${input.seq})`}`,
  );
  const title = `${id} ${plain(name).replaceAll('_', ' ')}: ${word} (${weight})`;
  return [title, explanationText(explanation), ...values].join('\n');
}

const LISTED_MIN = 3;

/** A sentence in lines; one that enumerates much, a line or more for each. */
function explanationText(explanation: string): string {
  const at = explanation.indexOf(': ');
  const items = explanation.slice(at + 2).split('; ');
  if (at < 0 || items.length < LISTED_MIN) return wrap(explanation, '   ');
  return [
    wrap(explanation.slice(0, at + 1), '   '),
    ...items.map((item) => `   - ${wrap(item, '     ').trimStart()}`),
  ].join('\n');
}

/** What a person can do now; the gates' own sentences say what a trainer can. */
function adviceOn({ overall, accepted, superseded_by, run_id }: VerdictAnswer): string[] {
  if (overall !== 'warnings' || accepted !== null || superseded_by !== null) return [];
  return [`A person who finds these warnings acceptable says so:\n  runseal accept-warnings ${run_id} --reason "..."`];
}

const isGood = (verdict: GateAnswer['verdict']) => verdict === 'pass' || verdict === 'skipped';
const text = (value: unknown) =>
  value === null ? '-' : plain(typeof value === 'string' ? value : JSON.stringify(value));
