import type { Gate, Verdict } from './answers.js';
import { listOf, members, numberOf, textOf } from './read-answers.js';

/** The verdicts on a run, newest first, as `GET /v1/runs/{id}/gates` gives them. */
export function readVerdicts(value: unknown): Verdict[] {
  return listOf(members(value)['items'], (item) => {
    const policy = members(item['policy']);
    return {
      id: textOf(item['verdict_id']) ?? '',
      seq: numberOf(item['seq']),
      overall: textOf(item['overall']) ?? 'unknown',
      policy: { id: textOf(policy['id']) ?? '', version: numberOf(policy['version']), hash: textOf(policy['hash']) },
      engine: textOf(item['engine']),
      position: numberOf(item['position']),
      gates: listOf(item['gates'], readGate),
    };
  });
}

const readGate = (item: Readonly<Record<string, unknown>>): Gate => {
  const baseline = item['baseline'];
  const { metric, value, seq } = members(baseline);
  return {
    id: textOf(item['id']) ?? '',
    name: textOf(item['name']) ?? '',
    severity: textOf(item['severity']) ?? '',
    verdict: textOf(item['verdict']) ?? 'unknown',
    isShadow: item['shadow'] === true,
    explanation: textOf(item['explanation']) ?? '',
    inputs: listOf(item['inputs'], (input) => ({
      name: textOf(input['name']) ?? '',
      value: wordsOf(input['value']),
      seq: numberOf(input['seq']),
    })),
    baseline: baseline ? { metric: textOf(metric) ?? '', value: wordsOf(value), seq: numberOf(seq) } : null,
  };
};

/** An input's value as it was compared, to its last digit; absent is said, since absent is never a pass. */
function wordsOf(value: unknown): string {
  if (value === null || value === undefined) return 'absent';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
