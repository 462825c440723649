import type { RefusalLike } from '@runseal/runtime';
import type { Service } from './routing-table.js';

/** HTTP status of the codes that the console refuses with by itself. */
export const REFUSAL_STATUS = { service_unavailable: 503, service_timeout: 504 } as const;

/** A service behind this address gave no answer. What it made of the request is not known, so writes are not sent again here. */
export class ServiceDown extends Error implements RefusalLike {
  override readonly name = 'Refusal';
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: keyof typeof REFUSAL_STATUS,
    service: Service,
    cause?: unknown,
  ) {
    const found = code === 'service_timeout' ? 'did not answer in time' : 'cannot be reached right now';
    super(`The service "${service}" ${found}. Send the request again.`, cause === undefined ? undefined : { cause });
    this.detail = { service };
  }
}
