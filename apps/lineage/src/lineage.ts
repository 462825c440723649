import type { RecordSource } from '@runseal/messaging';
import type { Pool } from '@runseal/postgres';
import type { ObservedReader } from '@runseal/projections';
import type { LiveRuns } from './live-runs.js';

/** The parts that queries of this service work with. Made by `openLineage`, closed with the module. */
export class Lineage {
  constructor(
    readonly parts: {
      readonly ledger: string;
      /** Its queries look in the projection's schema. */
      readonly pool: Pool;
      readonly source: RecordSource;
      readonly reader: ObservedReader;
      readonly live: LiveRuns;
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
