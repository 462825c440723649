import { randomUUID } from 'node:crypto';
import { canonicalJson, toUtf8 } from '@runseal/chain';
import { eventTypes } from '@runseal/contracts';
import { sealBatch, type Anchor, type EventToSeal } from '@runseal/ledger';
import { openPool, type Pool } from '@runseal/postgres';
import { urlAs, type TestServer } from '@runseal/testing';
import type { SampleEvent } from './events.fixture.js';
import { LineageDatabase, PASSWORD } from './lineage-database.fixture.js';

const ACTOR = 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa';
const ROLES = ['ingest', 'gates', 'registry', 'maintenance'] as const;
const OPENED = {
  install: 'test',
  ledger: 'default',
  epoch: 0,
  verifier_key: `test/default/0+00000000+${'A'.repeat(44)}`,
};

/** A real ledger, sealed with the roles of the services. */
export class SealedLedger {
  private anchor: Anchor | null = null;

  private constructor(
    readonly database: LineageDatabase,
    private readonly pools: ReadonlyMap<string, Pool>,
  ) {}

  static async open(server: TestServer): Promise<SealedLedger> {
    const database = await LineageDatabase.open(server);
    const poolAs = (role: string) =>
      openPool({ url: urlAs(database.url, `runseal_${role}`, PASSWORD), applicationName: `test-${role}` });
    const ledger = new SealedLedger(database, new Map(ROLES.map((role) => [role, poolAs(role)])));
    await ledger.as('maintenance').query(`select ledger.create_ledger('default')`);
    await ledger.seal([{ type: 'ledger.opened', stream: 'ledger/default', payload: OPENED }]);
    return ledger;
  }

  as(role: (typeof ROLES)[number]): Pool {
    return this.pools.get(role) as Pool;
  }

  /** Seq of the newest record. */
  get newest(): number {
    return this.anchor?.seq ?? -1;
  }

  /** Seals each event as the service that may, and returns the seq of the last one. */
  async seal(events: readonly SampleEvent[]): Promise<number> {
    for (const event of events) {
      const { sealedBy, class: retention } = eventTypes[event.type];
      const toSeal: EventToSeal = {
        id: event.id ?? randomUUID(),
        type: event.type,
        version: 1,
        class: retention,
        stream: event.stream,
        occurred_at: event.occurred_at ?? null,
        producer: event.producer ?? null,
        payload: toUtf8(canonicalJson(event.payload)),
      };
      const requests = [{ actor: event.actor ?? ACTOR, events: [toSeal] }];
      const [outcome] = await sealBatch(this.as(sealedBy), 'default', this.anchor, { requests, sealedAt: new Date() });
      if (!outcome || !('receipts' in outcome)) throw new Error(`${event.type}: ${JSON.stringify(outcome)}`);
      this.anchor = outcome.receipts[0] as Anchor;
    }
    return this.newest;
  }

  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.end()));
    await this.database.close();
  }
}
