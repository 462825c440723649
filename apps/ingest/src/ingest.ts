import type { HeadStore, SigningIdentity, TileStore } from '@runseal/ledger';
import type { Pool } from '@runseal/postgres';
import type { Door } from './door.js';
import type { PublishedHead } from './published-head.js';
import type { Relay } from './relay.js';
import type { SubmitEvents } from './submit-events.js';
import type { TileRepair } from './tile-repair.js';

/** The parts that the controllers of this service work with. Made by `openIngest`, closed with the module. */
export class Ingest {
  constructor(
    readonly parts: {
      readonly identity: SigningIdentity;
      readonly pool: Pool;
      readonly store: HeadStore;
      readonly tiles: TileStore;
      readonly tileRepair: TileRepair;
      readonly door: Door;
      /** Null where nothing is relayed. */
      readonly relay: Relay | null;
      readonly head: PublishedHead;
      readonly submitEvents: SubmitEvents;
      readonly close: () => Promise<void>;
    },
  ) {}

  get ledger(): string {
    return this.parts.identity.ledger;
  }
}
