import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tilePath, type Tile } from '@runseal/chain';
import { generateEd25519 } from '@runseal/chain/node';
import { eventTypes, type SubmittedEvent } from '@runseal/contracts';
import {
  DirectoryHeadStore,
  eventToSeal,
  HeadSigner,
  openLedger,
  readLedgerState,
  Sealer,
  type Receipt,
  type TileStore,
} from '@runseal/ledger';
import { inTransaction, migrate, openPool, type Pool } from '@runseal/postgres';
import {
  createKey,
  KeyAuthenticator,
  openLog,
  startService,
  type PrincipalKind,
  type RunningService,
  type ScopeName,
} from '@runseal/runtime';
import { urlAs, waitFor, type TestServer } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { openRegistry, registryMigrations } from './open-registry.js';
import { REFUSAL_STATUS } from './refusal.js';
import type { Registry } from './registry.js';
import { RegistryModule } from './registry.module.js';
import { BODY_LIMIT } from './requests.js';
import type { Told } from './whole-run.fixture.js';

export const PASSWORD = 'only-for-tests';
const ROLES = ['ingest', 'gates', 'registry', 'maintenance'] as const;
type Role = (typeof ROLES)[number];

export interface Person {
  readonly actor: string;
  readonly key: string;
}

/** A migrated database with an opened ledger, whose records the tests seal with the services' own roles. */
export class Site {
  readonly pools = new Map<Role, Pool>();

  private constructor(
    readonly url: string,
    readonly superuser: Pool,
    readonly folder: string,
  ) {}

  static async open(server: TestServer): Promise<Site> {
    const url = await server.createDatabase();
    await migrate(url, await registryMigrations());
    const superuser = openPool({ url, applicationName: 'test-superuser' });
    const site = new Site(url, superuser, await mkdtemp(join(tmpdir(), 'runseal-registry-')));
    for (const role of ROLES) {
      await superuser.query(`alter role runseal_${role} password '${PASSWORD}'`);
      site.pools.set(role, openPool({ url: site.urlAs(role), applicationName: `test-${role}` }));
    }
    await site.openLedger();
    return site;
  }

  get headsFolder(): string {
    return join(this.folder, 'heads');
  }

  urlAs(role: Role): string {
    return urlAs(this.url, `runseal_${role}`, PASSWORD);
  }

  pool(role: Role): Pool {
    return this.pools.get(role) as Pool;
  }

  /** A key of somebody. */
  async person(
    principal: string,
    more: { kind?: PrincipalKind; scopes?: ScopeName[]; ledger?: string } = {},
  ): Promise<Person> {
    const { kind = 'person', scopes = ['read', 'events:write', 'approve'], ledger = 'default' } = more;
    const { secret, principal_id: actor } = await createKey(this.pool('ingest'), { principal, kind, ledger, scopes });
    return { actor, key: secret };
  }

  /** Seals as the service that may, in one request each. Returns the last receipt. */
  async seal(events: readonly Told[], actor: string): Promise<Receipt> {
    let last: Receipt | undefined;
    for (const { type, stream, payload, id = uuidv7(), occurred_at = null } of events) {
      const { sealedBy, version } = eventTypes[type];
      const event = { id, type, version, stream, occurred_at, producer: null, payload } as SubmittedEvent;
      // One that also wakes the readers.
      const sealer = new Sealer({ pool: this.pool(sealedBy), ledger: 'default', anchor: await this.anchor() });
      [last] = await sealer.seal({ actor, events: [eventToSeal(event)] });
    }
    return last as Receipt;
  }

  async anchor() {
    const { rows } = await this.superuser.query<{ epoch: number; seq: number; hash: Buffer }>(
      'select epoch, size - 1 as seq, newest_hash as hash from ledger.ledgers',
    );
    const [{ epoch, seq, hash }] = rows as [{ epoch: number; seq: number; hash: Buffer }];
    return { epoch, seq, hash: hash.toString('hex') };
  }

  /** Keeps the projection where it is until `work` is done: the reader cannot move its position. */
  whileReaderWaits<T>(work: () => Promise<T>): Promise<T> {
    return inTransaction(this.superuser, async (connection) => {
      await connection.query('select from registry_v1.position for update');
      return work();
    });
  }

  /** Until a call of seal by the service has ended that began after the time. */
  async untilSealWasTried(since: string): Promise<void> {
    await waitFor('the service to try to seal', async () => {
      const { rowCount } = await this.superuser.query(
        `select from pg_stat_activity
         where application_name = 'runseal-registry-seal' and query like '%ledger.seal%' and query_start > $1 and state = 'idle'`,
        [since],
      );
      return rowCount !== 0;
    });
  }

  /** What stands on a stream: types with their payloads, in order. */
  async records(stream: string): Promise<{ seq: number; type: string; id: string; actor: string; payload: never }[]> {
    const { rows } = await this.superuser.query(
      `select s.seq, s.type, s.event_id as id, convert_from(s.envelope, 'UTF8')::json ->> 'actor' as actor,
         convert_from(s.payload, 'UTF8')::json as payload
       from ledger.sealed_records s
       where s.stream = $1
       order by s.seq`,
      [stream],
    );
    return rows as never;
  }

  /** Starts the service in this process, as main.ts does. */
  serve(): Promise<ServedRegistry> {
    return ServedRegistry.start(this);
  }

  async close(): Promise<void> {
    await Promise.all([this.superuser, ...this.pools.values()].map((pool) => pool.end()));
    await rm(this.folder, { recursive: true, force: true });
  }

  private async openLedger(): Promise<void> {
    const identity = { install: 'test', ledger: 'default', privateKey: generateEd25519().privateKey };
    const store = new DirectoryHeadStore(this.headsFolder);
    const signer = new HeadSigner({ pool: this.pool('ingest'), store, tiles: new MemoryTiles(), identity });
    const actor = 'p_runsealmaintenanceofledger';
    await openLedger({ maintenancePool: this.pool('maintenance'), store, signer, identity, actor });
  }
}

/** Tiles are a cache that nobody here reads. */
class MemoryTiles implements TileStore {
  private readonly tiles = new Map<string, Uint8Array>();

  async write(tiles: readonly { tile: Tile; bytes: Uint8Array }[]): Promise<void> {
    for (const { tile, bytes } of tiles) this.tiles.set(tilePath(tile), bytes);
  }
  async read(tile: Tile): Promise<Uint8Array | null> {
    return this.tiles.get(tilePath(tile)) ?? null;
  }
  async clear(): Promise<void> {
    this.tiles.clear();
  }
}

export interface Answer<Body = Record<string, never>> {
  readonly status: number;
  readonly body: Body & { readonly code?: string; readonly unmet?: readonly { readonly requirement: string }[] };
}

/** The service in this process. */
export class ServedRegistry {
  private constructor(
    readonly site: Site,
    readonly registry: Registry,
    readonly service: RunningService,
    readonly lines: readonly string[],
  ) {}

  static async start(site: Site): Promise<ServedRegistry> {
    const lines: string[] = [];
    const log = { level: 'info' as const, destination: { write: (line: string) => void lines.push(line) } };
    const about = { name: 'registry', version: '0.1.0' };
    const settings = {
      databaseUrl: site.urlAs('registry'),
      ledger: 'default',
      headsFolder: site.headsFolder,
      kafka: null,
    };
    const registry = await openRegistry(settings, openLog(about, log));
    const service = await startService({
      ...{ ...about, module: RegistryModule.register(registry), host: '127.0.0.1', port: 0, managementPort: null, log },
      // The registry's own role reads the keys.
      authenticator: new KeyAuthenticator(site.pool('registry')),
      ...{ bodyLimit: BODY_LIMIT, refusalStatus: REFUSAL_STATUS },
    });
    return new ServedRegistry(site, registry, service, lines);
  }

  /** Asks once everything that is sealed is projected, and nothing is due any more. */
  async get<Body>(path: string, { key }: Pick<Person, 'key'>): Promise<Answer<Body>> {
    await this.settle();
    return this.ask('GET', path, key);
  }

  post<Body>(path: string, { key }: Pick<Person, 'key'>, body: unknown): Promise<Answer<Body>> {
    return this.ask('POST', path, key, body);
  }

  /** Waits until the projection has come to the ledger's end, what it sealed itself included. */
  async settle(): Promise<void> {
    await waitFor('the projection to come to the end of the ledger', async () => {
      const newest = (await readLedgerState(this.site.superuser, 'default'))?.size ?? 0;
      const position = await this.registry.parts.reader.findPosition();
      const { rowCount } = await this.site.superuser.query('select from registry_v1.dues');
      return position?.seq === newest - 1 && rowCount === 0;
    });
  }

  close(): Promise<void> {
    return this.service.close();
  }

  private async ask<Body>(method: string, path: string, key: string, body?: unknown): Promise<Answer<Body>> {
    const response = await fetch(this.service.url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer<Body>['body'] };
  }
}

/** A name that no other test uses. */
export const newName = (): string => `model-${randomUUID().slice(0, 8)}`;
