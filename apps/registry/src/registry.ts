import type { LedgerRecordSource, SealingDoor } from '@runseal/ledger';
import type { Pool } from '@runseal/postgres';
import type { ObservedReader } from '@runseal/projections';

/** The parts that commands and queries of this service work with. Made by `openRegistry`, closed with the module. */
export class Registry {
  constructor(
    readonly parts: {
      readonly ledger: string;
      /** Its queries look in the projection's schema. */
      readonly pool: Pool;
      readonly door: SealingDoor;
      readonly reader: ObservedReader;
      readonly source: LedgerRecordSource;
      readonly close: () => Promise<void>;
    },
  ) {}

  get ledger(): string {
    return this.parts.ledger;
  }

  get pool(): Pool {
    return this.parts.pool;
  }
}
