import type { GeneralizationGate } from '../policy/policy.js';
import type { FinalValue, LossBeside, RunView } from '../run-view.js';
import { read, type Finding, type InputRead } from '../verdict.js';
import { counted, shown, shownBeside } from '../words.js';

/** Objectives whose loss is the cross-entropy of the next token, where a ratio means something. */
const CROSS_ENTROPY = new Set(['pt', 'sft']);

/** G3: the final weights do not do much worse on held-out data than the training rows beside that evaluation. */
export function judgeGeneralization(gate: GeneralizationGate, run: RunView): Finding {
  const { weights, objective } = run.input;
  if (!weights) {
    return missing(
      [],
      'The run does not tell at which step its final weights were made, so no evaluation is known to be theirs.',
    );
  }
  const evaluation = run.findFinal('eval_loss');
  if (!evaluation) {
    return missing([], `There is no evaluation with an eval_loss of the final weights, those of step ${weights.step}.`);
  }
  const inputs = [
    read('eval_loss', evaluation.value, evaluation.seq),
    read('step', weights.step),
    ...(objective ? [read('objective', objective.value, objective.seq)] : []),
  ];
  if (!Number.isFinite(evaluation.value)) {
    return { verdict: 'fail', inputs, explanation: `eval_loss at step ${weights.step} is ${evaluation.value}.` };
  }
  const beside = run.findLossBeside(weights.step);
  if (!beside) {
    return missing(
      inputs,
      `There is no loss row since the evaluation before step ${weights.step} to hold eval_loss against.`,
    );
  }
  inputs.push(read('mean loss', beside.mean), read('loss rows', beside.rows));
  const isRatio = objective === null || CROSS_ENTROPY.has(objective.value);
  return isRatio
    ? judgeRatio(gate, evaluation, { beside, inputs })
    : judgeDifference(gate, evaluation, { beside, inputs });
}

interface Compared {
  readonly beside: LossBeside;
  readonly inputs: readonly InputRead[];
}

function judgeRatio({ ratio }: GeneralizationGate, { value }: FinalValue, { beside, inputs }: Compared): Finding {
  const { mean } = beside;
  const found = value / mean;
  // A mean of 0 or below has no ratio that says anything: then the same share of it is the limit.
  const passes = Number.isFinite(mean) && (mean > 0 ? found < ratio : value < mean + (ratio - 1) * Math.abs(mean));
  const [foundShown, limitShown] = shownBeside(found, ratio);
  return {
    verdict: passes ? 'pass' : 'fail',
    inputs: [...inputs, read('ratio', found)],
    explanation:
      `eval_loss ${shown(value)} at step ${beside.to} is ${foundShown} times the mean loss ${shown(mean)} of ` +
      `${tellRows(beside)}; wanted below ${limitShown}.`,
  };
}

function judgeDifference(
  { difference }: GeneralizationGate,
  { value }: FinalValue,
  { beside, inputs }: Compared,
): Finding {
  const found = value - beside.mean;
  const [foundShown, limitShown] = shownBeside(found, difference);
  return {
    verdict: Number.isFinite(beside.mean) && found <= difference ? 'pass' : 'fail',
    inputs: [...inputs, read('difference', found)],
    explanation:
      `eval_loss ${shown(value)} at step ${beside.to} less the mean loss ${shown(beside.mean)} of ${tellRows(beside)} is ` +
      `${foundShown}; wanted at most ${limitShown} (the objective’s loss can come near 0, where a ratio says nothing).`,
  };
}

const tellRows = ({ rows, from, to }: LossBeside): string =>
  `${counted(rows, 'row')} of the steps ${from === null ? `up to ${to}` : `in (${from}, ${to}]`}`;

const missing = (inputs: readonly InputRead[], explanation: string): Finding => ({
  verdict: 'missing',
  inputs,
  explanation,
});
