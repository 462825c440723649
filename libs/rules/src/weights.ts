import type { OutputFacts, RunFacts } from './run-facts.js';

/** The shape of chain's hash function. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

export interface WeightsBehind {
  readonly attempt: string;
  readonly step: number;
  /** The attempts that they went through, the first first, `attempt` last. */
  readonly attempts: readonly string[];
}
export interface EvaluationSet {
  readonly kind: 'fixed' | 'split';
  /** sha256:<hex> */
  readonly digest: string;
  readonly seq: number;
}

/** Where the final weights come from; null where the run does not tell, or the attempts behind them cannot be followed. */
export function weightsBehind(_facts: RunFacts): WeightsBehind | null {
  return null;
}

/** The attempts behind the final weights; while nothing names those, the attempts behind the newest one. */
export function attemptsBehind(_facts: RunFacts): readonly string[] {
  return [];
}

/** What the final weights were evaluated on; null where that is unknown or not unique. */
export function evaluationSetOf(_facts: RunFacts, _sha256: Sha256): EvaluationSet | null {
  return null;
}

/** The output that holds the final weights: the newest of role weights that is not merged from another, else the newest. */
export function weightsOutput(_facts: RunFacts): OutputFacts | null {
  return null;
}
