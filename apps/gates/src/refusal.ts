import type { RefusalFault, RefusalLike } from '@runseal/runtime';

/** What this service refuses with, and the HTTP status of each code. */
const OWN_STATUS = {
  run_unknown: 404,
  policy_unknown: 404,
  run_not_ended: 409,
  run_not_running: 409,
  attempt_not_running: 409,
  nothing_to_accept: 409,
  no_values: 409,
  not_a_number: 409,
  invalid_policy: 400,
  foreign_run: 403,
} as const;

/** Codes that sealing answers with and that a caller of this service can meet. */
const SEALING_STATUS = {
  version_conflict: 409,
  event_id_conflict: 409,
  invalid_payload: 400,
  invalid_event: 400,
  wrong_stream: 400,
  too_large: 413,
  ledger_behind: 503,
  clock_skew: 503,
  head_store_empty: 503,
  not_open: 503,
  overloaded: 503,
} as const;

/** HTTP status by refusal code. */
export const REFUSAL_STATUS: Readonly<Record<string, number>> = { ...OWN_STATUS, ...SEALING_STATUS };

/** A command that the caller has to change, or that is not the caller's to give. */
export class GatesRefusal extends Error implements RefusalLike {
  override readonly name = 'Refusal';

  constructor(
    readonly code: keyof typeof OWN_STATUS,
    message: string,
    readonly errors?: readonly RefusalFault[],
    readonly detail?: Readonly<Record<string, unknown>>,
  ) {
    super(message);
  }
}
