import type { RunFacts } from './run-facts.js';

export type FieldState = 'present' | 'missing' | 'malformed' | 'unregistered' | 'incomplete';

/** One field that G6 wants, and how it stands. */
export interface AuditField {
  /** Its place in the audit record with dots: `input_artifacts.config.git_commit`; `producers` for the counts. */
  readonly field: string;
  readonly state: FieldState;
  /** In words; null: nothing. */
  readonly found: string | null;
  readonly wanted: string;
  /** The record that tells; null where none does. */
  readonly seq: number | null;
  /** What to do about it; null where it is present. */
  readonly remedy: string | null;
}

/** Whether a digest is an artifact that somebody registered, or a file listed in a registered folder. */
export type IsRegistered = (digest: string) => boolean;

/** Every field of G6's list, those that are present too, in the list's order. Nothing defaults. */
export function auditFields(_facts: RunFacts, _isRegistered: IsRegistered): readonly AuditField[] {
  return [];
}

/** The fields that are not present: none means that G6 passes. */
export function auditGaps(facts: RunFacts, isRegistered: IsRegistered): readonly AuditField[] {
  return auditFields(facts, isRegistered).filter(({ state }) => state !== 'present');
}
