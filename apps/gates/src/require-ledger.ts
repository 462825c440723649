import { ForbiddenException } from '@nestjs/common';
import type { Caller } from '@runseal/runtime';

/** A key opens one ledger. What exists in another one is not told. */
export function requireLedger(caller: Caller, ledger: string): void {
  if (caller.ledger === ledger) return;
  throw new ForbiddenException(`This key belongs to the ledger "${caller.ledger}", which this service does not judge.`);
}
