/** One fault of a body: where, what was there, what should have been. `index` is the item's place in a batch. */
export interface RefusalFault {
  readonly index?: number | null;
  /** JSON pointer (RFC 6901) into the body, '' for all of it. */
  readonly path: string;
  readonly found: string;
  readonly wanted: string;
}

/**
 * What every library of ours throws where the caller can act on it, known by its shape: the libraries do not share a class.
 * `message` says what was found, what was wanted and what to do; `detail` holds further members for the problem response.
 */
export interface RefusalLike extends Error {
  readonly name: 'Refusal';
  readonly code: string;
  readonly errors?: readonly RefusalFault[] | undefined;
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
}

export const isRefusal = (error: unknown): error is RefusalLike =>
  error instanceof Error && error.name === 'Refusal' && typeof (error as { code?: unknown }).code === 'string';

/** A refusal by this library; its codes and their HTTP statuses are in `RUNTIME_STATUS`. */
export class RuntimeRefusal extends Error implements RefusalLike {
  override readonly name = 'Refusal';
  readonly errors: readonly RefusalFault[] | undefined;
  readonly detail: Readonly<Record<string, unknown>> | undefined;

  constructor(
    readonly code: RuntimeCode,
    message: string,
    more: { errors?: readonly RefusalFault[]; detail?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.errors = more.errors;
    this.detail = more.detail;
  }
}

/** The codes that this library refuses with, and the HTTP status of each. An app adds its own beside them. */
export const RUNTIME_STATUS = {
  unauthenticated: 401,
  forbidden: 403,
  method_not_allowed: 405,
  invalid_request: 400,
  approve_is_for_persons: 400,
  unsupported_charset: 415,
  unsupported_encoding: 415,
  invalid_encoding: 400,
  too_large: 413,
  not_ready: 503,
  position_not_reached: 504,
  invalid_utf8: 400,
  byte_order_mark: 400,
  invalid_json: 400,
  duplicate_key: 400,
  forbidden_key: 400,
  too_deep: 400,
  nul_character: 400,
  lone_surrogate: 400,
  number_overflow: 400,
  inexact_integer: 400,
} as const satisfies Record<string, number>;

export type RuntimeCode = keyof typeof RUNTIME_STATUS;
