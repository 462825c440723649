import { columnOf } from '../curve.js';
import type { FiniteGate } from '../policy/policy.js';
import type { RunView } from '../run-view.js';
import { read, type Finding, type InputRead } from '../verdict.js';
import { counted, listed } from '../words.js';

/** Every value of the named metrics, in every attempt behind the final weights, is finite. */
export function judgeFinite({ metrics }: FiniteGate, run: RunView): Finding {
  const inputs: InputRead[] = [];
  const absent: string[] = [];
  const faults: string[] = [];
  for (const metric of metrics) {
    let count = 0;
    let bad = 0;
    let first: { step: number | null; seq: number; value: number } | null = null;
    for (const attempt of run.input.attempts) {
      const column = columnOf(attempt, metric) ?? [];
      column.forEach((value, row) => {
        if (value === null) return;
        count += 1;
        if (Number.isFinite(value)) return;
        bad += 1;
        first ??= { step: attempt.rows.step[row] ?? null, seq: attempt.rows.seq[row] as number, value };
      });
    }
    inputs.push(read(`values of ${metric}`, count));
    if (count === 0) absent.push(metric);
    const found = first as { step: number | null; seq: number; value: number } | null;
    if (!found) continue;
    inputs.push(read(metric, found.value, found.seq));
    faults.push(
      `${metric} is ${found.value} at step ${found.step} (record ${found.seq}), ${counted(bad, 'such value')} in all`,
    );
  }
  if (faults.length > 0) return { verdict: 'fail', inputs, explanation: `${listed(faults)}.` };
  if (absent.length > 0) return { verdict: 'missing', inputs, explanation: `No row has ${listed(absent)}.` };
  return { verdict: 'pass', inputs, explanation: `Every value of ${listed(metrics)} is finite.` };
}
