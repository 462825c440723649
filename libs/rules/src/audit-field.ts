import { patterns } from '@runseal/contracts';
import type { MaybeFact } from './run-facts.js';

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

/** Whether a digest is an artifact that somebody registered. */
export type IsRegistered = (digest: string) => boolean;

export interface Wish<Value> {
  readonly wanted: string;
  readonly remedy: string;
  readonly isWell?: (value: Value) => boolean;
}

export const field = (name: string, rest: Omit<AuditField, 'field'>): AuditField => ({ field: name, ...rest });

/** There, and well formed. An empty text or one of blanks is nothing. */
export function presenceField<Value extends string | number | boolean>(
  name: string,
  fact: MaybeFact<Value>,
  { wanted, remedy, isWell }: Wish<Value>,
): AuditField {
  if (fact === null || (typeof fact.value === 'string' && fact.value.trim() === '')) {
    return field(name, { state: 'missing', found: null, wanted, seq: fact?.seq ?? null, remedy });
  }
  const { value, seq } = fact;
  const found = shown(value);
  if (isWell && !isWell(value)) return field(name, { state: 'malformed', found, wanted, seq, remedy });
  return field(name, { state: 'present', found, wanted, seq, remedy: null });
}

const DIGEST = new RegExp(patterns.digest);

/** There, a digest, and known as an artifact. */
export function digestField(
  name: string,
  fact: MaybeFact<string>,
  { isRegistered, ...wish }: Wish<string> & { readonly isRegistered: IsRegistered },
): AuditField {
  const checked = presenceField(name, fact, { ...wish, isWell: (value) => DIGEST.test(value) });
  if (checked.state !== 'present' || fact === null || isRegistered(fact.value)) return checked;
  return { ...checked, state: 'unregistered', remedy: `Register the artifact ${fact.value}.` };
}

const FOUND_MAX = 200;

/** A value in words, shortened. */
export const shown = (value: string | number | boolean): string => {
  const text = String(value);
  return text.length > FOUND_MAX ? `${text.slice(0, FOUND_MAX)}…` : text;
};
