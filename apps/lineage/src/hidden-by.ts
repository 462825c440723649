import type { AnnotationFacts } from '@runseal/rules';

/**
 * What does not show in a run because of what a client found or did, in a sentence. Measured: with the trainer's filter on, which
 * is its default, a run whose weights are NaN logs losses of 4.58 and 0.0 and a summary of 2.61.
 */
export function hiddenBy({ name, value }: Pick<AnnotationFacts, 'name' | 'value'>): string | null {
  if (name === 'nan_inf_filter' && value === true) {
    return 'The trainer replaces a loss that is not finite before it logs it: such a loss does not show in the curve, grad_norm and the weights tell.';
  }
  if (name === 'rows_completed') {
    return 'Rows that come after it add to steps that were passed: a fall of the step in this attempt no longer shows as a fault.';
  }
  return null;
}
