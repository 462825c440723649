import type { AuditField } from '../input.js';
import type { AuditGate, CompleteGate } from '../policy/policy.js';
import type { RunView } from '../run-view.js';
import { read, type Finding } from '../verdict.js';
import { counted, listed } from '../words.js';

const NAMED_MAX = 10;

/** G6: every field of the audit record is there and well formed, every digest resolves, no event was lost. */
export const judgeAudit = (_gate: AuditGate, run: RunView): Finding => judgeFields(run.input.audit);

/** The same of some fields: a name stands for itself and all below it. */
export function judgeComplete({ fields }: CompleteGate, run: RunView): Finding {
  const { audit } = run.input;
  const covers = (name: string, { field }: AuditField) => field === name || field.startsWith(`${name}.`);
  const unknown = fields.filter((name) => !audit.some((field) => covers(name, field)));
  if (unknown.length > 0) {
    const explanation = `The audit record has no ${listed(unknown)}; its fields are ${audit.map(({ field }) => field).join(', ')}.`;
    return { verdict: 'error', inputs: [], explanation };
  }
  return judgeFields(audit.filter((field) => fields.some((name) => covers(name, field))));
}

/** What was recorded wrongly fails; what was not recorded is missing. */
function judgeFields(fields: readonly AuditField[]): Finding {
  if (fields.length === 0) {
    return { verdict: 'missing', inputs: [], explanation: 'No field of the audit record was looked at.' };
  }
  const gaps = fields.filter(({ state }) => state !== 'present');
  const inputs = [
    read('fields', fields.length),
    read('fields complete', fields.length - gaps.length),
    ...gaps.map(({ field, found, seq }) => read(field, found, seq)),
  ];
  if (gaps.length === 0) {
    return {
      verdict: 'pass',
      inputs,
      explanation: `All ${counted(fields.length, 'field')} are recorded and every digest resolves.`,
    };
  }
  const more = gaps.length > NAMED_MAX ? ` And ${gaps.length - NAMED_MAX} more.` : '';
  return {
    verdict: gaps.every(({ state }) => state === 'missing') ? 'missing' : 'fail',
    inputs,
    explanation:
      `${gaps.length} of ${counted(fields.length, 'field')} ${gaps.length === 1 ? 'is' : 'are'} not complete: ` +
      `${gaps.slice(0, NAMED_MAX).map(tell).join('; ')}.${more}`,
  };
}

function tell({ field, state, found, wanted, remedy }: AuditField): string {
  const what = state === 'missing' ? 'is missing' : `is ${state}, found ${found ?? 'nothing'}`;
  return `${field} ${what}, wanted ${wanted}${remedy ? ` (${remedy.replace(/\.$/, '')})` : ''}`;
}
