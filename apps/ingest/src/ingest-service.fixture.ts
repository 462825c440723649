import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateEd25519 } from '@runseal/chain/node';
import { limits, type RefusalError } from '@runseal/contracts';
import type { Receipt, SigningIdentity } from '@runseal/ledger';
import { migrate, openPool, type Pool } from '@runseal/postgres';
import { createKey, KeyAuthenticator, openLog, startService, type RunningService } from '@runseal/runtime';
import type { ScopeName, PrincipalKind } from '@runseal/runtime';
import { urlAs, waitFor, type TestServer } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { IngestModule } from './ingest.module.js';
import type { Ingest } from './ingest.js';
import { ingestMigrations, openIngest, type IngestSettings } from './open-ingest.js';
import { REFUSAL_STATUS } from './refusal-status.js';
import type { EventFlag } from './submit-events.js';

const PASSWORD = 'only-for-tests';
const examples = new URL('../../../libs/contracts/examples/', import.meta.url);

export type Submitted = Record<string, unknown> & { id: string };

/** The published example of a type as a new event, changed as told. */
export function exampleOf(type: string, change: Record<string, unknown> = {}): Submitted {
  const example = JSON.parse(readFileSync(new URL(`${type}.v1.json`, examples), 'utf8')) as Record<string, unknown>;
  return { ...example, id: uuidv7(), ...change };
}

/** A row of metrics of the run. */
export const metricsOf = (run: string, change: Record<string, unknown> = {}): Submitted =>
  exampleOf('run.metrics-logged', { stream: `run/${run}`, ...change });

/** What any answer of the service may hold, as far as tests look at it. */
export interface AnswerBody {
  receipts: Receipt[];
  flags: EventFlag[];
  code: string;
  detail: string;
  errors: RefusalError[];
  epoch: number;
  kept_size: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnswerBody;
}

/** A migrated database, a folder of heads and a signing key: what replicas of one ingest share. */
export class Workplace {
  readonly identity: SigningIdentity = { install: 'test', ledger: 'default', privateKey: generateEd25519().privateKey };
  private readonly served: ServedIngest[] = [];

  private constructor(
    readonly databaseUrl: string,
    readonly superuser: Pool,
    readonly pool: Pool,
    readonly folder: string,
  ) {}

  static async open(server: TestServer): Promise<Workplace> {
    const url = await server.createDatabase();
    await migrate(url, await ingestMigrations());
    const superuser = openPool({ url, applicationName: 'test-superuser' });
    for (const role of ['runseal_ingest', 'runseal_maintenance'])
      await superuser.query(`alter role ${role} password '${PASSWORD}'`);
    const pool = openPool({ url: urlAs(url, 'runseal_ingest', PASSWORD), applicationName: 'test-ingest' });
    return new Workplace(url, superuser, pool, await mkdtemp(join(tmpdir(), 'runseal-ingest-')));
  }

  get headsFolder(): string {
    return join(this.folder, 'heads');
  }

  get settings(): IngestSettings {
    return {
      databaseUrl: urlAs(this.databaseUrl, 'runseal_ingest', PASSWORD),
      maintenanceDatabaseUrl: urlAs(this.databaseUrl, 'runseal_maintenance', PASSWORD),
      identity: this.identity,
      headsFolder: this.headsFolder,
      scansForSecrets: true,
    };
  }

  /** Starts the service in this process, as main.ts does. */
  async serve(more: Partial<IngestSettings> & { openSwitches?: string[] } = {}): Promise<ServedIngest> {
    const served = await ServedIngest.start(this, more);
    this.served.push(served);
    return served;
  }

  async createKey(
    scopes: ScopeName[] = ['events:write', 'read', 'admin'],
    more: { principal?: string; kind?: PrincipalKind; ledger?: string } = {},
  ): Promise<string> {
    const key = { principal: 'tester', kind: 'person' as const, ledger: 'default', scopes, ...more };
    return (await createKey(this.pool, key)).secret;
  }

  async countRecords(): Promise<number> {
    const { rows } = await this.superuser.query<{ count: number }>('select count(*)::int as count from ledger.records');
    return rows[0]?.count ?? Number.NaN;
  }

  async close(): Promise<void> {
    await Promise.all(this.served.map((one) => one.close()));
    await Promise.all([this.superuser.end(), this.pool.end()]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The service in this process, with the lines of its log. */
export class ServedIngest {
  private constructor(
    readonly service: RunningService,
    readonly ingest: Ingest,
    readonly lines: readonly string[],
    private readonly accessPool: Pool,
  ) {}

  static async start(
    workplace: Workplace,
    { openSwitches = [], ...more }: Partial<IngestSettings> & { openSwitches?: string[] },
  ): Promise<ServedIngest> {
    const lines: string[] = [];
    const about = { name: 'ingest', version: '0.1.0' };
    const options = { level: 'info' as const, destination: { write: (line: string) => void lines.push(line) } };
    const settings = { ...workplace.settings, ...more };
    const ingest = await openIngest(settings, openLog(about, options));
    const accessPool = openPool({ url: settings.databaseUrl, applicationName: 'test-access', connectionsMax: 2 });
    const service = await startService({
      ...about,
      module: IngestModule.register(ingest, openLog(about, options)),
      host: '127.0.0.1',
      port: 0,
      managementPort: 0,
      log: options,
      authenticator: new KeyAuthenticator(accessPool),
      bodyLimit: limits.requestBytes,
      refusalStatus: REFUSAL_STATUS,
      openSwitches,
    });
    return new ServedIngest(service, ingest, lines, accessPool);
  }

  get(path: string, key?: string): Promise<Response> {
    return fetch(this.service.url + path, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } });
  }

  /** Posts JSON, or a body as it stands, to `/v1/events` or another path. */
  async post(
    key: string,
    body: unknown,
    { path = '/v1/events', headers = {} }: { path?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
    const response = await fetch(this.service.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: isRaw ? (body as string) : JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as AnswerBody };
  }

  /** Waits until the published head covers so many records, and returns its note. */
  headOf(key: string, size: number, limit_ms?: number): Promise<string> {
    return waitFor(
      `a head over ${size} records`,
      async () => {
        const note = await (await this.get('/v1/log/default/checkpoint', key)).text();
        return Number(note.split('\n')[1]) >= size && note;
      },
      limit_ms,
    );
  }

  /** Safe to be called twice. */
  async close(): Promise<void> {
    await this.service.close();
    if (!this.accessPool.ending) await this.accessPool.end();
  }
}
