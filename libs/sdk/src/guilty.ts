import type { Problem } from './door.js';

/**
 * Which events of a refused request are at fault: the ones that the server names, or the only one there is. Empty where
 * the server names none of several: then the request is halved and each half tried.
 */
export function findGuilty(problem: Problem, count: number): number[] {
  if (count === 1) return [0];
  const named = problem.errors.map(({ index }) => index);
  const valid = named.filter((index): index is number => Number.isInteger(index) && index! >= 0 && index! < count);
  return [...new Set(valid)].sort((left, right) => left - right);
}

/** The code under which an event is set aside. */
export function refusalCodeOf(problem: Problem): string {
  return problem.code ?? (problem.status === 413 ? 'too_large' : 'invalid_event');
}
