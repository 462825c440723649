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
  LedgerRecordSource,
  openLedger,
  readLedgerState,
  Sealer,
  type Receipt,
  type TileStore,
} from '@runseal/ledger';
import { migrate, openPool, type Pool } from '@runseal/postgres';
import { rebuild, type RebuildReport } from '@runseal/projections';
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
import type { Page, VerdictAnswer } from './answers.js';
import type { Gates } from './gates.js';
import { GatesModule } from './gates.module.js';
import { gatesMigrations, openGates, type GatesSettings } from './open-gates.js';
import { gatesProjection } from './projection/projection.js';
import { REFUSAL_STATUS } from './refusal.js';
import { BODY_LIMIT } from './requests.js';
import type { Told } from './sample-run.fixture.js';

const PASSWORD = 'only-for-tests';
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
    await migrate(url, await gatesMigrations());
    const superuser = openPool({ url, applicationName: 'test-superuser' });
    const site = new Site(url, superuser, await mkdtemp(join(tmpdir(), 'runseal-gates-')));
    for (const role of ROLES) {
      await superuser.query(`alter role runseal_${role} password '${PASSWORD}'`);
      site.pools.set(role, openPool({ url: site.urlAs(role), applicationName: `test-${role}` }));
    }
    await site.openLedger();
    return site;
  }

  get settings(): GatesSettings {
    return {
      databaseUrl: this.urlAs('gates'),
      ledger: 'default',
      headsFolder: join(this.folder, 'heads'),
      kafka: null,
    };
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
    const { kind = 'person', scopes = ['read', 'events:write', 'policy:write', 'approve'], ledger = 'default' } = more;
    const { secret, principal_id: actor } = await createKey(this.pool('ingest'), { principal, kind, ledger, scopes });
    return { actor, key: secret };
  }

  /** Seals events in one request for as many as one service may seal. Returns the last receipt. */
  async seal(events: readonly Told[], actor: string): Promise<Receipt> {
    let last: Receipt | undefined;
    for (let from = 0; from < events.length;) {
      const sealedBy = eventTypes[(events[from] as Told).type].sealedBy;
      const end = events.findIndex(({ type }, index) => index > from && eventTypes[type].sealedBy !== sealedBy);
      const to = Math.min(end < 0 ? events.length : end, from + 400);
      // One that also wakes the readers.
      const sealer = new Sealer({ pool: this.pool(sealedBy), ledger: 'default', anchor: await this.anchor() });
      const request = events.slice(from, to).map((told) => {
        const { type, stream, payload, id = uuidv7(), occurred_at = null, producer = null } = told;
        return eventToSeal({ id, type, version: 1, stream, occurred_at, producer, payload } as SubmittedEvent);
      });
      last = (await sealer.seal({ actor, events: request })).at(-1);
      from = to;
    }
    return last as Receipt;
  }

  /** What stands on a stream, in order. */
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
  serve(more: Partial<GatesSettings> = {}): Promise<ServedGates> {
    return ServedGates.start(this, { ...this.settings, ...more });
  }

  /** Builds the read tables anew beside those in use and compares both. */
  rebuild(recordsMax: number): Promise<RebuildReport> {
    const pool = this.pool('gates');
    const source = new LedgerRecordSource(pool);
    return rebuild({ pool, projection: gatesProjection, ledger: 'default', source, recordsMax });
  }

  async close(): Promise<void> {
    await Promise.all([this.superuser, ...this.pools.values()].map((pool) => pool.end()));
    await rm(this.folder, { recursive: true, force: true });
  }

  private async anchor() {
    const { rows } = await this.superuser.query<{ epoch: number; seq: number; hash: Buffer }>(
      'select epoch, size - 1 as seq, newest_hash as hash from ledger.ledgers',
    );
    const [{ epoch, seq, hash }] = rows as [{ epoch: number; seq: number; hash: Buffer }];
    return { epoch, seq, hash: hash.toString('hex') };
  }

  private async openLedger(): Promise<void> {
    const identity = { install: 'test', ledger: 'default', privateKey: generateEd25519().privateKey };
    const store = new DirectoryHeadStore(this.settings.headsFolder);
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

export interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly found: string; readonly wanted: string }[];
}
export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body & Problem;
}

/** The service in this process. */
export class ServedGates {
  private constructor(
    readonly site: Site,
    readonly gates: Gates,
    readonly service: RunningService,
    readonly lines: readonly string[],
  ) {}

  static async start(site: Site, settings: GatesSettings): Promise<ServedGates> {
    const lines: string[] = [];
    const log = { level: 'info' as const, destination: { write: (line: string) => void lines.push(line) } };
    const about = { name: 'gates', version: '0.1.0' };
    const gates = await openGates(settings, openLog(about, log));
    const service = await startService({
      ...{ ...about, module: GatesModule.register(gates), host: '127.0.0.1', port: 0, managementPort: null, log },
      // The service's own role reads the keys.
      authenticator: new KeyAuthenticator(site.pool('gates')),
      ...{ bodyLimit: BODY_LIMIT, refusalStatus: REFUSAL_STATUS },
    });
    return new ServedGates(site, gates, service, lines);
  }

  /** Asks once everything that is sealed is projected and judged. */
  async get<Body>(path: string, { key }: Pick<Person, 'key'>): Promise<Answer<Body>> {
    await this.settle();
    return this.ask('GET', path, key);
  }

  /** Sends a command once everything that is sealed is projected and judged. */
  async post<Body>(path: string, { key }: Pick<Person, 'key'>, body?: unknown): Promise<Answer<Body>> {
    await this.settle();
    return this.ask('POST', path, key, body);
  }

  /** Verdicts on a run, newest first. */
  async verdicts(run: string, person: Pick<Person, 'key'>): Promise<readonly VerdictAnswer[]> {
    return (await this.get<Page<VerdictAnswer>>(`/v1/runs/${run}/gates`, person)).body.items;
  }

  /** Waits until the projection has come to the ledger's end, verdicts that it led to included. */
  async settle(): Promise<void> {
    await waitFor('the projection to come to the end of the ledger', async () => {
      const newest = (await readLedgerState(this.site.superuser, 'default'))?.size ?? 0;
      const { position, trouble, stopped } = await this.gates.parts.reader.find();
      if (stopped) throw new Error(`stopped at ${stopped.seq}: ${stopped.reason}`);
      if (trouble !== null && position?.seq !== newest - 1) throw new Error(trouble);
      if (position?.seq !== newest - 1 || this.gates.parts.follower.decidedSeq !== newest - 1) return false;
      // What was decided on the last record may have been sealed after the first look.
      return (await readLedgerState(this.site.superuser, 'default'))?.size === newest;
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
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body & Problem };
  }
}
