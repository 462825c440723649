import { metricRegistry } from '@runseal/rules';
import { documentCases } from './document-cases.fixture.js';
import { soundRecord } from './document-record.fixture.js';
import { documentRun, trendOf, type DocumentCase } from './document-run.fixture.js';
import { ENGINE, judge } from './judge.js';
import { DEFAULT_POLICY } from './policy/default-policy.js';
import { parsePolicy } from './policy/parse-policy.js';
import { overallOf, type GateVerdict } from './verdict.js';

/** The text of vectors/quality-gates.json: what this engine says of every case, and the numbers that it says it by. */
export function documentVectors(): string {
  const vectors = {
    engine: ENGINE,
    policy: DEFAULT_POLICY,
    metrics: metricRegistry.map(({ name, direction, scale, aliases }) => ({ name, direction, scale, aliases })),
    sound_record: soundRecord,
    // Most cases have the sound record, which would stand there a hundred times.
    cases: documentCases.map((kase) => ({
      ...kase,
      audit_record: kase.audit_record === soundRecord ? 'sound' : kase.audit_record,
      ...answerTo(kase),
    })),
  };
  return `${JSON.stringify(vectors, null, 1)}\n`;
}

export function answerTo(kase: DocumentCase) {
  const gates = judgeCase(kase);
  return {
    overall: overallOf(gates),
    gates: gates.map(({ id, name, verdict, severity }) => ({ id, name, verdict, severity })),
  };
}

function judgeCase(kase: DocumentCase): readonly GateVerdict[] {
  const { policy } = parsePolicy(JSON.stringify(kase.policy === null ? { gates: [] } : { quality_gates: kase.policy }));
  const gates = judge(policy, documentRun(kase)).gates;
  const trend = trendOf(kase);
  if (!trend) return gates;
  const ofEnds = judge(policy, trend).gates;
  return gates.map((gate, place) => (gate.id === 'G2' ? (ofEnds[place] as GateVerdict) : gate));
}
