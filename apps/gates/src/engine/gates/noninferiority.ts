import type { Direction, NoninferiorityGate } from '../policy/policy.js';
import type { RunView } from '../run-view.js';
import { asMetricValue, read, type Finding } from '../verdict.js';
import { shown, shownBeside } from '../words.js';
import { findCompared } from './compare.js';

/** Not worse than the reference by more than the margin, beyond what the standard errors of both explain. */
export function judgeNoninferiority(gate: NoninferiorityGate, run: RunView): Finding {
  const found = findCompared(gate, run);
  if ('finding' in found) return found.finding;
  const { current, reference, against, inputs } = found;
  const baseline = { metric: gate.metric, value: asMetricValue(against.value), seq: reference.seq };
  const errors = [current.standard_error, against.standard_error];
  if (errors.some((error) => error === null)) {
    const whose = current.standard_error === null ? 'the final weights' : reference.words;
    const explanation = `${gate.metric} of ${whose} has no standard error, without which inferiority cannot be told from noise.`;
    return { verdict: 'missing', inputs, baseline, explanation };
  }
  const p = inferiorityP(gate, [current.value, errors[0] as number], [against.value, errors[1] as number]);
  const [pShown, alphaShown] = shownBeside(p, gate.alpha);
  return {
    verdict: p < gate.alpha ? 'pass' : 'fail',
    inputs: [...inputs, read('standard error', errors[0] as number, current.seq), read('p', p)],
    baseline,
    explanation:
      `${gate.metric} ${shown(current.value)} ± ${shown(errors[0] as number)}, ${reference.words} ${shown(against.value)} ± ` +
      `${shown(errors[1] as number)}: were it worse by ${shown(gate.margin)}, so good a value would come with p = ${pShown}; ` +
      `wanted below ${alphaShown}.`,
  };
}

type Estimate = readonly [value: number, standardError: number];

/**
 * One-sided p of "worse by the margin or more": 1 - Phi((better by + margin) / sqrt(se1² + se2²)). NaN, which is below no level,
 * where a value is not finite; without any error the difference itself decides.
 */
export function inferiorityP(
  { direction, margin }: { readonly direction: Direction; readonly margin: number },
  [value, error]: Estimate,
  [against, errorOfThat]: Estimate,
): number {
  const by = (direction === 'higher' ? value - against : against - value) + margin;
  if (!Number.isFinite(value) || !Number.isFinite(against)) return NaN;
  const spread = Math.hypot(error, errorOfThat);
  if (spread === 0) return by > 0 ? 0 : 1;
  return upperTail(by / spread);
}

/** 1 - Phi(z), relative error below 1.2e-7: erfc by Chebyshev fitting, Numerical Recipes 6.2. */
function upperTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const coefficients = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
  ];
  const sum = coefficients.reduceRight((rest, coefficient) => coefficient + t * rest, 0);
  const half = (t * Math.exp(-x * x + sum)) / 2;
  return z >= 0 ? half : 1 - half;
}
