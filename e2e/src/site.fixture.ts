import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LedgerVerifier, parseVerifierKey, toBase64, type VerifyLedgerResult } from '@runseal/chain';
import { ed25519Verify, generateEd25519, sha256 } from '@runseal/chain/node';
import { ingestMigrations } from '@runseal/ingest';
import {
  DirectoryHeadStore,
  readHead,
  streamRecords,
  toSealedRecord,
  verifierKeyText,
  type SigningIdentity,
  type StoredRecord,
} from '@runseal/ledger';
import { migrate, openPool, type Pool } from '@runseal/postgres';
import { createKey } from '@runseal/runtime';
import { findFreePort, urlAs, waitFor } from '@runseal/testing';

const MAIN = fileURLToPath(new URL('../../apps/ingest/dist/main.js', import.meta.url));
const PASSWORD = 'only-for-tests';

/** A migrated database with its heads and its signing key: what all replicas of one ingest share. */
export class Site {
  readonly identity: SigningIdentity = { install: 'e2e', ledger: 'default', privateKey: generateEd25519().privateKey };
  readonly processes: IngestProcess[] = [];
  key = '';

  private constructor(
    readonly databaseUrl: string,
    readonly superuser: Pool,
    readonly folder: string,
  ) {}

  /** `url` is the superuser's, of an empty database. */
  static async open(url: string): Promise<Site> {
    await migrate(url, await ingestMigrations());
    const superuser = openPool({ url, applicationName: 'test-superuser' });
    for (const role of ['runseal_ingest', 'runseal_maintenance'])
      await superuser.query(`alter role ${role} password '${PASSWORD}'`);
    const site = new Site(url, superuser, await mkdtemp(join(tmpdir(), 'runseal-e2e-')));
    await writeFile(join(site.folder, 'key'), toBase64(site.identity.privateKey));
    const pool = openPool({ url: urlAs(url, 'runseal_ingest', PASSWORD), applicationName: 'test-keys' });
    const scopes = ['events:write', 'read', 'admin'] as const;
    site.key = (
      await createKey(pool, { principal: 'e2e', kind: 'person', ledger: 'default', scopes: [...scopes] })
    ).secret;
    await pool.end();
    return site;
  }

  get headsFolder(): string {
    return join(this.folder, 'heads');
  }

  /** Starts ingest as built, and waits until it takes events. `databaseUrl` may lead to it by another way. */
  async start(more: { port?: number; databaseUrl?: string } = {}): Promise<IngestProcess> {
    const started = await this.spawn(more);
    await started.waitUntilReady();
    return started;
  }

  async spawn({
    port,
    databaseUrl = this.databaseUrl,
  }: { port?: number; databaseUrl?: string } = {}): Promise<IngestProcess> {
    const started = new IngestProcess(port ?? (await findFreePort()), {
      DATABASE_URL: urlAs(databaseUrl, 'runseal_ingest', PASSWORD),
      MAINTENANCE_DATABASE_URL: urlAs(databaseUrl, 'runseal_maintenance', PASSWORD),
      RUNSEAL_INSTALL: this.identity.install,
      RUNSEAL_HEADS_DIR: this.headsFolder,
      RUNSEAL_SIGNING_KEY_FILE: join(this.folder, 'key'),
    });
    this.processes.push(started);
    return started;
  }

  async records(): Promise<StoredRecord[]> {
    const records: StoredRecord[] = [];
    for await (const page of streamRecords(this.superuser, { ledger: 'default', from: 0 })) records.push(...page);
    return records;
  }

  /** The notes of all published heads of an epoch, in order. */
  async heads(epoch = 0): Promise<string[]> {
    const store = new DirectoryHeadStore(this.headsFolder);
    const notes: string[] = [];
    for (;;) {
      const head = await readHead(store, epoch, notes.length);
      if (!head) return notes;
      notes.push(head.note);
    }
  }

  /** The size under the newest head of an epoch; 0 where there is none. */
  async headSize(epoch = 0): Promise<number> {
    const newest = (await this.heads(epoch)).at(-1);
    return newest === undefined ? 0 : Number(newest.split('\n')[1]);
  }

  /** Checks every record and every published head offline. */
  async verify(): Promise<VerifyLedgerResult> {
    const verifier = new LedgerVerifier({
      crypto: { sha256, verify: ed25519Verify },
      trust: 'given',
      keys: [parseVerifierKey(sha256, verifierKeyText(this.identity, 0))],
      knownHeads: [],
      shownHeads: await this.heads(),
      laterEpochs: [],
      acceptedEpoch: 0,
    });
    for (const record of await this.records()) verifier.add(toSealedRecord('default', record));
    return verifier.result();
  }

  /** Waits until a head covers all records, then checks that everything is intact up to it. */
  async expectIntact(): Promise<void> {
    const size = (await this.records()).length;
    await waitFor(`a head over ${size} records`, async () => (await this.headSize()) >= size, 30_000);
    const result = await this.verify();
    expect(result).toMatchObject({ verdict: 'intact', faultCount: 0, unanchored: 0 });
    expect(result.headsChecked).toBe((await this.heads()).length);
    expect((await readdir(join(this.headsFolder, '0'))).length).toBeGreaterThan(0);
  }

  async close(): Promise<void> {
    for (const one of this.processes) one.signal('SIGKILL');
    await Promise.all(this.processes.map((one) => one.exited));
    await this.superuser.end();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** `apps/ingest/dist/main.js` in a process of its own. */
export class IngestProcess {
  readonly url: string;
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
  output = '';
  private readonly child: ChildProcess;

  constructor(port: number, env: Record<string, string | undefined>) {
    this.url = `http://127.0.0.1:${port}`;
    const all = { ...env, PORT: String(port), MANAGEMENT_PORT: '0', LOG_LEVEL: 'info' };
    this.child = spawn(process.execPath, [MAIN], { stdio: ['ignore', 'pipe', 'pipe'], env: all });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.exited = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal)));
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Lines of the log with this message. */
  linesOf(msg: string): Record<string, unknown>[] {
    const lines = this.output.split('\n').filter((line) => line.includes(`"msg":"${msg}"`));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGKILL');
    await this.exited;
  }

  async waitUntilReady(limit_ms = 30_000): Promise<void> {
    const isReady = () =>
      fetch(`${this.url}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    try {
      await waitFor(`ingest at ${this.url}`, isReady, limit_ms);
    } catch (error) {
      throw new Error(`${(error as Error).message}. It said: ${this.output.slice(-3_000)}`, { cause: error });
    }
  }
}
