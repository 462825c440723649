import type { IsRegistered } from './audit-gaps.js';
import type { RunFacts, VerdictFacts } from './run-facts.js';

export type ControlState = 'met' | 'not_met' | 'missing' | 'waived';

export interface Waiver {
  readonly control: string;
  readonly by: string;
  readonly until: string | null;
  readonly reason: string;
  readonly seq: number;
}

/** What the rules cannot see in the run's own facts. */
export interface Judging {
  /** The newest verdict: `facts.verdict` unless asked as of another time. */
  readonly verdict: VerdictFacts | null;
  readonly isRegistered: IsRegistered;
  /** The model version that the run became; null: none, or not known to the caller. */
  readonly modelVersion: { readonly model: string; readonly version: number; readonly seq: number } | null;
  /** Those in force. */
  readonly waivers: readonly Waiver[];
}

export interface Control {
  /** `audit.dataset_hash`, `checklist.config_in_git`, `g6.input_artifacts.config.git_commit`, ... */
  readonly id: string;
  readonly title: string;
  readonly state: ControlState;
  readonly found: string | null;
  readonly wanted: string;
  readonly remedy: string | null;
  readonly seqs: readonly number[];
  /** Where it is waived. */
  readonly until: string | null;
  readonly by: string | null;
}

export interface Compliance {
  readonly version: 1;
  /** The worst of the controls: not_met, then missing, then waived, then met. */
  readonly overall: ControlState;
  readonly controls: readonly Control[];
}

/** Compliance version 1: the document's audit metrics, its checklist and G6's fields as controls. */
export function complianceOf(_facts: RunFacts, _judging: Judging): Compliance {
  throw new Error('not there yet');
}

/** The worst of several states. An unmet control is worse than an unknown one: the first is known to be wrong. */
export function worstOf(states: readonly ControlState[]): ControlState {
  return (['not_met', 'missing', 'waived'] as const).find((state) => states.includes(state)) ?? 'met';
}
