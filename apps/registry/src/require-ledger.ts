import { ForbiddenException } from '@nestjs/common';
import type { Caller } from '@runseal/runtime';

/** A key opens one ledger. What exists in another one is not told. */
export function requireLedger(caller: Caller | null, ledger: string): void {
  if (caller && caller.ledger !== ledger) {
    throw new ForbiddenException(
      `This key belongs to the ledger "${caller.ledger}", which this service does not serve.`,
    );
  }
}
