import type { RefusalCode } from '@runseal/contracts';

/** HTTP status of every refusal. 409 alone does not tell a client what to do; the code does. */
export const REFUSAL_STATUS: Readonly<Record<RefusalCode, number>> = {
  invalid_json: 400,
  invalid_encoding: 400,
  invalid_number: 400,
  duplicate_key: 400,
  too_deep: 400,
  too_large: 413,
  too_many_events: 413,
  invalid_request: 400,
  invalid_event: 400,
  invalid_payload: 400,
  unknown_event_type: 400,
  unknown_event_version: 400,
  wrong_stream: 400,
  forbidden_event_type: 403,
  forbidden_event_id: 403,
  forbidden_stream: 403,
  secret_detected: 400,
  event_id_conflict: 409,
  version_conflict: 409,
  ledger_rewound: 409,
  epoch_changed: 409,
  // The service, not the caller, has to be mended; what was spooled can be sent again afterwards.
  ledger_behind: 503,
  head_store_empty: 503,
  clock_skew: 503,
  not_open: 503,
  overloaded: 503,
  not_signed_yet: 503,
};
