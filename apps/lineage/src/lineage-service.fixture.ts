import { randomUUID } from 'node:crypto';
import { canonicalJson, toUtf8 } from '@runseal/chain';
import { eventTypes } from '@runseal/contracts';
import { sealBatch, type Anchor, type EventToSeal } from '@runseal/ledger';
import { openPool, type Pool } from '@runseal/postgres';
import { createKey, KeyAuthenticator, startService, type RunningService } from '@runseal/runtime';
import { urlAs, type TestServer } from '@runseal/testing';
import type { SampleEvent } from './events.fixture.js';
import type { Lineage } from './lineage.js';
import { LineageDatabase, PASSWORD } from './lineage-database.fixture.js';
import { LineageModule } from './lineage.module.js';
import { openLineage } from './open-lineage.js';

const ACTOR = 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa';

/** A real ledger that is sealed with the roles of the services, and the service that reads it, over HTTP. */
export class ServedLineage {
  private anchor: Anchor | null = null;

  private constructor(
    readonly database: LineageDatabase,
    readonly lineage: Lineage,
    readonly service: RunningService,
    private readonly sealing: { readonly pools: ReadonlyMap<string, Pool>; readonly key: string },
  ) {}

  static async start(server: TestServer): Promise<ServedLineage> {
    const database = await LineageDatabase.open(server);
    const roles = ['ingest', 'gates', 'registry', 'maintenance'] as const;
    const pools = new Map(
      roles.map((role) => [
        role as string,
        openPool({ url: urlAs(database.url, `runseal_${role}`, PASSWORD), applicationName: `test-${role}` }),
      ]),
    );
    await pools.get('maintenance')?.query(`select ledger.create_ledger('default')`);
    const lineage = await openLineage({ databaseUrl: database.lineageUrl, ledger: 'default', kafka: null });
    const service = await startService({
      ...{ name: 'lineage', version: '0.1.0', module: LineageModule.register(lineage) },
      ...{ host: '127.0.0.1', port: 0, managementPort: null, log: { level: 'silent' } },
      authenticator: new KeyAuthenticator(pools.get('ingest') as Pool),
      ...{ bodyLimit: 1_024, refusalStatus: {} },
    });
    const { secret } = await createKey(pools.get('ingest') as Pool, {
      ...{ principal: 'reader', kind: 'person', ledger: 'default', scopes: ['read'] },
    });
    const served = new ServedLineage(database, lineage, service, { pools, key: secret });
    await served.seal([{ type: 'ledger.opened', stream: 'ledger/default', payload: OPENED }]);
    return served;
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
      const pool = this.sealing.pools.get(sealedBy) as Pool;
      const [outcome] = await sealBatch(pool, 'default', this.anchor, { requests, sealedAt: new Date() });
      if (!outcome || !('receipts' in outcome)) throw new Error(`${event.type}: ${JSON.stringify(outcome)}`);
      this.anchor = outcome.receipts[0] as Anchor;
    }
    return this.anchor?.seq ?? -1;
  }

  fetch(path: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    const url = this.service.url + path;
    return fetch(url, {
      headers: { authorization: `Bearer ${this.sealing.key}`, ...headers },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Asks once the newest sealed record is projected; throws where the answer is none. */
  async get<Answer>(path: string): Promise<Answer> {
    const separator = path.includes('?') ? '&' : '?';
    const response = await this.fetch(`${path}${separator}min_position=${this.anchor?.seq ?? 0}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }

  async close(): Promise<void> {
    await this.service.close();
    await Promise.all([...this.sealing.pools.values()].map((pool) => pool.end()));
    await this.database.close();
  }
}

const OPENED = {
  install: 'test',
  ledger: 'default',
  epoch: 0,
  verifier_key: `test/default/0+00000000+${'A'.repeat(44)}`,
};
