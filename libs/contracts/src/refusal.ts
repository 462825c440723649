/** Every reason for which something submitted is refused, with what it means. Callers act on the code, never on prose. */
export const refusalCodes = {
  invalid_json: 'the body is not JSON (a bare NaN or Infinity included)',
  invalid_encoding: 'the body is not UTF-8, or a text holds a lone surrogate or NUL',
  invalid_number: 'a number overflows a double, or is an integer that a double cannot hold exactly',
  duplicate_key: 'an object names a member twice',
  too_deep: 'arrays and objects are nested deeper than the limit',
  too_large: 'a request, an envelope or a payload is larger than its limit',
  too_many_events: 'a request holds more events than the limit',
  invalid_request: 'the request’s own members do not fit their schema',
  invalid_event: 'an event’s members other than its payload do not fit their schema',
  invalid_payload: 'a payload does not fit the schema of its type and version',
  unknown_event_type: 'there is no such event type',
  unknown_event_version: 'the event type has no such version here; upgrade readers before writers',
  wrong_stream: 'the stream is not of the kind that the event type belongs to, or its id is malformed',
  forbidden_event_type: 'the caller or the sealing role has no authority over this event type',
  forbidden_stream: 'the run belongs to another principal',
  secret_detected: 'a value looks like a credential',
  event_id_conflict: 'the id is taken by an event with other content',
  version_conflict: 'a stream’s newest record is not the expected one',
  approvals_missing: 'a stage change to Production does not rest on two sealed approvals of it',
  ledger_rewound: 'the ledger does not hold the record that the submitter has a receipt for',
  epoch_changed: 'the submitter’s last receipt was lost in a restore; send again from the kept size on',
  ledger_behind: 'the database does not hold the newest record that the service knows: an older copy was restored',
  head_store_empty: 'the ledger holds records and the store of heads holds none',
  not_open: 'the ledger is not open yet; try again soon',
  overloaded: 'more is waiting to be sealed than the queue holds; try again later',
  not_signed_yet: 'no published head covers the record yet; try again soon',
  ledger_not_opened: 'a ledger’s first record is ledger.opened, once',
  not_alone: 'an event that opens a ledger or an epoch stands alone in its request',
  epoch_not_newer: 'a new epoch has a higher number than the one before',
  kept_size_differs: 'the ledger does not hold as many records as the new epoch says it keeps',
  clock_skew: 'the sealing service’s clock and the database’s are too far apart',
} as const;

export type RefusalCode = keyof typeof refusalCodes;

/** One fault in what was submitted. */
export interface RefusalError {
  /** Which event of the request; absent where no single one is at fault. */
  index?: number;
  /** JSON pointer into that event (or into the request). */
  path: string;
  found: string;
  wanted: string;
}

/**
 * Something that the caller can act on: a literal code, a sentence, and the places at fault. `detail` holds what the
 * code's answer needs beyond that (`epoch` and `kept_size` of `epoch_changed`). It knows no HTTP status.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: RefusalCode,
    message: string,
    readonly errors: readonly RefusalError[] = [],
    options: { cause?: unknown; detail?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.detail = options.detail ?? {};
  }

  readonly detail: Readonly<Record<string, unknown>>;
}
