// The metrics of the final weights, which need not be the last ones.
import type { RunFacts } from './run-facts.js';
import { bestEvaluation, evaluationAt, type EvaluationRow, type RowValue, type RunRows } from './run-rows.js';
import { attemptsBehind, weightsBehind } from './weights.js';

/** First or last row with a loss of the attempts behind the final weights, rows after the step that became final included. */
export function lossBehind(facts: RunFacts, rows: RunRows, which: 'first' | 'last'): RowValue | null {
  const behind = attemptsBehind(facts);
  for (const id of which === 'first' ? behind : behind.toReversed()) {
    const attempt = rows.attempts.find((known) => known.attempt === id);
    const found = which === 'first' ? attempt?.first_loss : attempt?.last_loss;
    if (found) return found;
  }
  return null;
}

/**
 * The evaluation of the final weights: the first at their step, since a second one there may be of other weights; where there
 * is none, one that run.evaluated says is of them, though its row carries another step. Null where neither is there.
 */
export function finalEvaluation(facts: RunFacts, rows: RunRows): EvaluationRow | null {
  const weights = weightsBehind(facts);
  if (!weights) return null;
  const atStep = evaluationAt(rows, weights);
  if (atStep) return atStep;
  for (const { row, weights: judged } of facts.evaluated) {
    if (row?.step == null || judged?.step !== weights.step) continue;
    if (judged.attempt !== null && judged.attempt !== weights.attempt) continue;
    const found = evaluationAt(rows, { attempt: row.attempt, step: row.step, n: row.n });
    if (found) return found;
  }
  return null;
}

/** The lowest eval_loss on the way to the final weights: of an attempt only rows up to where the next one went on. */
export function bestEvaluationBehind(facts: RunFacts, rows: RunRows): EvaluationRow | null {
  const behind = attemptsBehind(facts);
  const resumedAt = new Map<string, number>();
  behind.forEach((id, index) => {
    const next = facts.attempts.find((attempt) => attempt.id === behind[index + 1]);
    resumedAt.set(id, next?.resumes?.step ?? Infinity);
  });
  return bestEvaluation(rows.evaluations.filter(({ attempt, step }) => step <= (resumedAt.get(attempt) ?? -Infinity)));
}
