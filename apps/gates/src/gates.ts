import type { RecordSource } from '@runseal/messaging';
import type { SealingDoor } from '@runseal/ledger';
import type { Pool } from '@runseal/postgres';
import type { ObservedReader } from '@runseal/projections';
import type { Decider } from './deciding/decider.js';
import type { Leases } from './leases.js';

/** The parts that commands and queries of this service work with. Made by `openGates`, closed with the module. */
export class Gates {
  constructor(
    readonly parts: {
      readonly ledger: string;
      /** Its queries look in the projection's schema. */
      readonly pool: Pool;
      readonly door: SealingDoor;
      /** Judges on demand. */
      readonly decider: Decider;
      /** Judges what the reader comes upon. */
      readonly follower: Decider;
      readonly leases: Leases;
      readonly source: RecordSource;
      readonly reader: ObservedReader;
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
