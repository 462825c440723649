import type { ControlState, Judging } from './compliance.js';
import type { RunFacts } from './run-facts.js';

export interface ChecklistItem {
  /** `dataset_versioned`, `config_in_git`, `experiment_named`, `seed_set`, `reported`, `logging_steps`, ... */
  readonly id: string;
  readonly phase: 'before' | 'during' | 'after';
  readonly title: string;
  readonly state: ControlState;
  readonly found: string | null;
  readonly wanted: string;
  readonly remedy: string | null;
  readonly seqs: readonly number[];
}

/** The document's quick checklist: what to do before, during and after training, and how it stands. */
export function checklistOf(_facts: RunFacts, _judging: Judging): readonly ChecklistItem[] {
  return [];
}
