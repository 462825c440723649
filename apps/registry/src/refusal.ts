import type { RefusalLike } from '@runseal/runtime';
import type { Unmet } from './deciding/version-state.js';

/** What this service refuses with, and the HTTP status of each code. */
const OWN_STATUS = {
  transition_refused: 409,
  approval_refused: 409,
  registration_refused: 409,
} as const;

/** Codes that sealing answers with and that a caller of this service can meet. */
const SEALING_STATUS = {
  version_conflict: 409,
  event_id_conflict: 409,
  approvals_missing: 409,
  too_large: 413,
  ledger_behind: 503,
  clock_skew: 503,
  head_store_empty: 503,
  not_open: 503,
  overloaded: 503,
} as const;

/** HTTP status by refusal code. */
export const REFUSAL_STATUS: Readonly<Record<string, number>> = { ...OWN_STATUS, ...SEALING_STATUS };

/** A command that is in order but whose requirements are not met: all of them stand in `detail.unmet`. */
export class UnmetRefusal extends Error implements RefusalLike {
  override readonly name = 'Refusal';
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: keyof typeof OWN_STATUS,
    message: string,
    unmet: readonly Unmet[],
    more: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.detail = { ...more, unmet };
  }
}

/** All of them in one sentence. */
export const wordsOfUnmet = (unmet: readonly Unmet[]): string =>
  unmet.map(({ requirement, found, wanted }) => `${requirement}: found ${found}, wanted ${wanted}`).join('; ');
