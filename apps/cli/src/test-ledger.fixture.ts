import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { generateEd25519 } from '@runseal/chain/node';
import { limits } from '@runseal/contracts';
import { IngestModule, openIngest, REFUSAL_STATUS } from '@runseal/ingest';
import { knownLogsPath, rememberLog, verifierKeyText, type SigningIdentity } from '@runseal/ledger';
import { migrate, openPool, type Pool } from '@runseal/postgres';
import { createKey, KeyAuthenticator, openLog, startService, type RunningService } from '@runseal/runtime';
import { allMigrations } from '@runseal/standalone';
import { TestServer, urlAs, waitFor } from '@runseal/testing';
import { newEventId } from './new-event-id.fixture.js';
import { runCli } from './run-cli.js';
import type { ExitCode } from './surroundings.js';

const PASSWORD = 'only-for-tests';
const example = new URL('../../../libs/contracts/examples/run.metrics-logged.v1.json', import.meta.url);

export interface Answer {
  readonly exitCode: ExitCode;
  readonly out: string;
  readonly err: string;
}

export interface CallOptions {
  readonly home?: string;
  readonly url?: string;
  readonly interrupted?: AbortSignal;
  /** Takes address and key from `.runseal/credentials.json`. */
  readonly fromFile?: boolean;
  /** Told what is printed while the command runs. */
  readonly onOut?: (text: string) => void;
}

/** A real ingest on a real Postgres, and the CLI called as a person of another machine would call it. */
export class TestLedger {
  readonly identity: SigningIdentity = { install: 'test', ledger: 'default', privateKey: generateEd25519().privateKey };
  apiKey = '';
  private service: RunningService | null = null;
  private lastUrl = '';

  private constructor(
    private readonly server: TestServer,
    readonly databaseUrl: string,
    readonly superuser: Pool,
    readonly folder: string,
  ) {}

  static async start(): Promise<TestLedger> {
    const server = await TestServer.start(18);
    const url = await server.createDatabase();
    await migrate(url, await allMigrations());
    const superuser = openPool({ url, applicationName: 'test-superuser' });
    for (const role of ['runseal_ingest', 'runseal_maintenance', 'runseal_auditor']) {
      await superuser.query(`alter role ${role} password '${PASSWORD}'`);
    }
    const ledger = new TestLedger(server, url, superuser, await mkdtemp(join(tmpdir(), 'runseal-cli-')));
    await ledger.serve();
    ledger.apiKey = await ledger.createKey();
    return ledger;
  }

  get url(): string {
    return this.lastUrl;
  }

  get headsFolder(): string {
    return join(this.folder, 'heads');
  }

  /** The database as the read-only role. */
  get auditorUrl(): string {
    return this.urlAs('runseal_auditor');
  }

  get verifierKey(): string {
    return verifierKeyText(this.identity, 0);
  }

  urlAs(role: string): string {
    return urlAs(this.databaseUrl, role, PASSWORD);
  }

  /** Starts the service on what is in the database and the heads folder now. */
  async serve(headsFolder = this.headsFolder): Promise<void> {
    const log = { level: 'silent' } as const;
    const databaseUrl = this.urlAs('runseal_ingest');
    const ingest = await openIngest(
      {
        databaseUrl,
        maintenanceDatabaseUrl: this.urlAs('runseal_maintenance'),
        identity: this.identity,
        headsFolder,
        scansForSecrets: true,
      },
      openLog({ name: 'ingest', version: '0' }, log),
    );
    const accessPool = openPool({ url: databaseUrl, applicationName: 'test-access', connectionsMax: 2 });
    const service = await startService({
      name: 'ingest',
      version: '0',
      module: IngestModule.register(ingest, openLog({ name: 'ingest', version: '0' }, log)),
      host: '127.0.0.1',
      port: 0,
      managementPort: null,
      log,
      authenticator: new KeyAuthenticator(accessPool),
      bodyLimit: limits.requestBytes,
      refusalStatus: REFUSAL_STATUS,
    });
    this.lastUrl = service.url;
    this.service = Object.assign(service, { end: () => accessPool.end() });
  }

  async stopService(): Promise<void> {
    const service = this.service as (RunningService & { end(): Promise<void> }) | null;
    this.service = null;
    await service?.close();
    await service?.end();
  }

  async close(): Promise<void> {
    await this.stopService();
    await this.superuser.end();
    await this.server.remove();
    await rm(this.folder, { recursive: true, force: true });
  }

  async createKey(): Promise<string> {
    const pool = openPool({ url: this.urlAs('runseal_ingest'), applicationName: 'test-key' });
    try {
      const scopes = ['events:write', 'read', 'admin'] as const;
      return (await createKey(pool, { principal: 'test', kind: 'person', ledger: 'default', scopes })).secret;
    } finally {
      await pool.end();
    }
  }

  /** An empty database on the same server, as its superuser. */
  createDatabase(): Promise<string> {
    return this.server.createDatabase();
  }

  request(path: string, body?: unknown): Promise<Response> {
    const headers = { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/json' };
    return fetch(this.url + path, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
  }

  /** Seals events of one new run and waits until a head covers them; returns the ledger's size. */
  async seal(events: number): Promise<number> {
    const size = await this.submit(events);
    await this.waitForHead(size);
    return size;
  }

  /** Seals events of one new run; returns the ledger's size. */
  async submit(events: number): Promise<number> {
    const event = JSON.parse(await readFile(example, 'utf8')) as object;
    const stream = `run/${randomUUID()}`;
    const batch = Array.from({ length: events }, () => ({ ...event, id: newEventId(), stream }));
    const answer = await this.request('/v1/events', { events: batch });
    if (answer.status !== 201) throw new Error(`not sealed: ${answer.status} ${(await answer.text()).slice(0, 500)}`);
    const { receipts } = (await answer.json()) as { receipts: { seq: number }[] };
    return (receipts.at(-1)?.seq ?? -1) + 1;
  }

  async waitForHead(size: number): Promise<string> {
    return waitFor(`a head of ${size} records`, async () => {
      const note = await (await this.request('/v1/log/default/checkpoint')).text();
      return Number(note.split('\n')[1]) >= size && note;
    });
  }

  /** The CLI with a home of its own. The server is named by the environment, or by the credentials in the folder. */
  async cli(
    args: readonly string[],
    { home = 'home', url = this.url, interrupted, fromFile, onOut }: CallOptions = {},
  ): Promise<Answer> {
    const [out, err] = [collect(onOut), collect()];
    const exitCode = await runCli(args, {
      out: out.stream,
      err: err.stream,
      folder: this.folder,
      environment: {
        url: fromFile ? undefined : url,
        apiKey: fromFile ? undefined : this.apiKey,
        configHome: join(this.folder, home),
      },
      interrupted: interrupted ?? new AbortController().signal,
    });
    return { exitCode, out: out.text(), err: err.text() };
  }

  /** As standalone leaves them. */
  async writeCredentials(): Promise<void> {
    await mkdir(join(this.folder, '.runseal'), { recursive: true });
    const { url, apiKey: api_key, databaseUrl: database_url, headsFolder: heads_dir } = this;
    const text = JSON.stringify({ url, api_key, database_url, heads_dir, log: 'test/default' });
    await writeFile(join(this.folder, '.runseal', 'credentials.json'), text, { mode: 0o600 });
  }

  /** Makes a home whose known-logs trusts the ledger's real key. */
  async trust(home: string, head: string | null = null): Promise<void> {
    const entry = { log: 'test/default', keys: [this.verifierKey], head, accepted_epoch: 0 };
    await rememberLog(knownLogsPath(join(this.folder, home)), entry);
  }

  async write(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  /** Keeps the tables as they are now; `restore` puts them back. */
  async keep(): Promise<void> {
    await this.superuser.query('drop schema if exists kept cascade; create schema kept');
    for (const table of ['ledger.ledgers', 'ledger.records', 'ledger.payloads', 'ingest.tiles']) {
      await this.superuser.query(`create table kept.${table.split('.')[1]} as table ${table}`);
    }
  }

  async restore(): Promise<void> {
    await this.superuser.query(`
      delete from ledger.records; insert into ledger.records table kept.records;
      delete from ledger.payloads; insert into ledger.payloads table kept.payloads;
      delete from ingest.tiles; insert into ingest.tiles table kept.tiles;
      update ledger.ledgers l set epoch = k.epoch, size = k.size, newest_hash = k.newest_hash
      from kept.ledgers k where k.ledger = l.ledger`);
  }

  /** Restored from an older copy: everything from `size` on is gone, the head row and the tiles say so too. */
  async setBack(size: number): Promise<void> {
    const kept = `floor(${size} / 256 ^ level)::integer - 256 * index::integer`;
    await this.superuser.query(`
      delete from ingest.tiles where ${kept} <= 0;
      update ingest.tiles set hashes = substring(hashes for 32 * least(256, ${kept}));
      delete from ledger.payloads where seq >= ${size};
      delete from ledger.records where seq >= ${size};
      update ledger.ledgers l set size = ${size}, newest_hash = r.hash, epoch = r.epoch
      from ledger.records r where r.seq = ${size} - 1`);
  }
}

function collect(onText?: (text: string) => void): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      onText?.(chunk.toString('utf8'));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
