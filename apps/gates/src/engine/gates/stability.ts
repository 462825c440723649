import type { StabilityGate } from '../policy/policy.js';
import type { RefusedValue } from '../refused-rows.js';
import type { RunView } from '../run-view.js';
import { read, type Finding, type InputRead } from '../verdict.js';
import { counted, listed } from '../words.js';

const NAMED_MAX = 3;
const INPUTS_MAX = 50;

/** G1: no row of any attempt behind the final weights is refused, and the final tensors are finite where somebody looked. */
export function judgeStability(gate: StabilityGate, run: RunView): Finding {
  const { attempts, tensorsFinite } = run.input;
  const refused = run.refusedRows;
  const lossRows = refused.reduce((sum, { loss_rows }) => sum + loss_rows, 0);
  const total = refused.reduce((sum, one) => sum + one.total, 0);
  const values = refused.flatMap((one) => one.values);
  const inputs: InputRead[] = [
    read('loss rows', lossRows),
    read('attempts', attempts.length),
    read('refused values', total),
    ...(tensorsFinite ? [read('final tensors finite', tensorsFinite.value, tensorsFinite.seq)] : []),
    ...values.slice(0, INPUTS_MAX).map((value) => read(`${value.metric}${atStep(value)}`, value.value, value.seq)),
  ];
  const faults = [
    ...values.slice(0, NAMED_MAX).map((value) =>
      tell(
        value,
        attempts.map(({ attempt }) => attempt),
        gate,
      ),
    ),
    ...(total > NAMED_MAX ? [`${counted(total - NAMED_MAX, 'more value')} like these`] : []),
    ...(tensorsFinite?.value === false ? ['the final tensors hold values that are not finite'] : []),
  ];
  if (faults.length > 0) return { verdict: 'fail', inputs, explanation: `${listed(faults)}.` };
  if (lossRows === 0) {
    return {
      verdict: 'missing',
      inputs,
      explanation: 'There is no row with a loss: nothing shows that training was stable.',
    };
  }
  return {
    verdict: 'pass',
    inputs,
    explanation:
      `${counted(lossRows, 'loss row')} of ${counted(attempts.length, 'attempt')}: every loss, grad_norm and eval_loss is ` +
      `finite, no loss is exactly 0 without a gradient, and no ${gate.dead_rows} rows in a row have a grad_norm of 0; ` +
      `${tensorsFinite ? 'the final tensors are finite' : 'nobody looked at the final tensors'}.`,
  };
}

function tell(refused: RefusedValue, attempts: readonly string[], { dead_rows }: StabilityGate): string {
  const { metric, value, why } = refused;
  const place = attempts.length > 1 ? ` of attempt ${attempts.indexOf(refused.attempt) + 1} of ${attempts.length}` : '';
  const what = {
    nonfinite: `${metric} is ${value}`,
    zero: `${metric} is exactly 0 without a finite grad_norm above 0`,
    dead: `${metric} is exactly 0 in ${dead_rows} rows in a row or more (a dead model)`,
  }[why];
  return `${what}${atStep(refused)}${place} (record ${refused.seq})`;
}

const atStep = ({ step }: RefusedValue): string => (step === null ? ' in a summary' : ` at step ${step}`);
