import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pg_ctl: string;
}

export interface LocalServerOptions {
  readonly binaries: PostgresBinaries;
  readonly dataDirectory: string;
  readonly port: number;
  readonly superuserPassword: string;
  /** Server settings beside our own, e.g. `{ shared_buffers: '128MB' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** False only for throw-away servers of tests: initdb then does not wait for the disk. */
  readonly syncInit?: boolean;
}

const START_LIMIT_MS = 60_000;
const ORPHANS_LIMIT_MS = 10_000;
const STOP_LIMIT_MS = 30_000;
const LOG_KEPT_BYTES = 64 * 1024;

/**
 * A Postgres server on 127.0.0.1 that lives and dies with this process. Listens on TCP only, with SCRAM passwords. Started
 * by root, it runs as the user `postgres` (or `nobody`), because Postgres refuses to run as root.
 */
export class LocalServer {
  private child: ChildProcess | null = null;
  private log = '';
  private binaries: PostgresBinaries;
  private copiedBinaries: string | null = null;

  constructor(private readonly options: LocalServerOptions) {
    this.binaries = options.binaries;
  }

  /** The superuser's URL, for `database` (default `postgres`). */
  url(database = 'postgres'): string {
    return `postgres://postgres:${encodeURIComponent(this.options.superuserPassword)}@127.0.0.1:${this.options.port}/${database}`;
  }

  /** Starts the server, making the data directory first where there is none. Rejects with the server's own last words. */
  async start(): Promise<void> {
    const account = await findAccount(this.options.dataDirectory);
    if (account.uid !== null && !this.copiedBinaries && !(await canReach(this.options.binaries.postgres))) {
      await this.copyBinaries();
    }
    if (!existsSync(join(this.options.dataDirectory, 'PG_VERSION'))) await this.initialise(account);
    else if (existsSync(join(this.options.dataDirectory, 'postmaster.pid'))) await this.stopOrphan(account);
    const settings = Object.entries({
      port: String(this.options.port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      lc_messages: 'C',
      ...this.options.settings,
    }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    // The last backends of a server that was killed hold its shared memory until they notice, and the new one ends at once.
    for (const deadline = Date.now() + ORPHANS_LIMIT_MS; ;) {
      try {
        return await this.launch(account, ['-D', this.options.dataDirectory, ...settings]);
      } catch (error) {
        if (!this.log.includes('pre-existing shared memory block') || Date.now() > deadline) throw error;
      }
    }
  }

  /** Stops cleanly (open transactions are rolled back), or at once with SIGKILL as a crash does. */
  async stop(signal: 'SIGINT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    const child = this.child;
    if (!child) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await exited;
    clearTimeout(timer);
    if (this.copiedBinaries) await rm(this.copiedBinaries, { recursive: true, force: true });
    this.copiedBinaries = null;
  }

  /** The process id of the postmaster, null when it does not run. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  private async initialise(account: Account): Promise<void> {
    const { dataDirectory, superuserPassword } = this.options;
    await mkdir(dirname(dataDirectory), { recursive: true });
    await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
    const passwordFile = `${dataDirectory}.password`;
    await writeFile(passwordFile, superuserPassword, { mode: 0o600 });
    if (account.uid !== null) {
      await chown(dataDirectory, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    const flags = ['-D', dataDirectory, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    flags.push('--encoding=UTF8', '--locale=C', '--data-checksums');
    if (this.options.syncInit === false) flags.push('--no-sync');
    try {
      await runToEnd(account, this.binaries.initdb, flags);
    } finally {
      await rm(passwordFile, { force: true });
    }
  }

  /**
   * A program below a closed folder does not find itself, whatever capability it has: it looks with access(2), which asks for
   * the user's own rights. So the server's files are copied to where everyone may read them, until the server is stopped.
   */
  private async copyBinaries(): Promise<void> {
    const { initdb, postgres, pg_ctl } = this.options.binaries;
    const copy = await mkdtemp(join(tmpdir(), 'runseal-postgres-'));
    this.copiedBinaries = copy;
    await chmod(copy, 0o755);
    await cp(dirname(dirname(postgres)), copy, { recursive: true, verbatimSymlinks: true });
    const copied = (program: string) => join(copy, 'bin', basename(program));
    this.binaries = { initdb: copied(initdb), postgres: copied(postgres), pg_ctl: copied(pg_ctl) };
  }

  /** A server whose parent was killed goes on without it; it is stopped cleanly before a new one opens the same folder. */
  private async stopOrphan(account: Account): Promise<void> {
    const { dataDirectory } = this.options;
    const { pg_ctl } = this.binaries;
    await runToEnd(account, pg_ctl, ['-D', dataDirectory, 'status']).then(
      () => runToEnd(account, pg_ctl, ['-D', dataDirectory, '-m', 'fast', '-w', 'stop']),
      () => undefined, // not running: Postgres clears the stale file itself
    );
  }

  private launch(account: Account, args: string[]): Promise<void> {
    const child = spawnAs(account, this.binaries.postgres, args);
    this.child = child;
    this.log = '';
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(`did not start within ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS);
      const fail = (what: string) => {
        clearTimeout(timer);
        child.kill('SIGKILL');
        reject(new Error(`Postgres on port ${this.options.port} ${what}. Its last words:\n${this.log.slice(-2_000)}`));
      };
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.log = (this.log + text).slice(-LOG_KEPT_BYTES);
        if (this.log.includes('database system is ready to accept connections')) {
          clearTimeout(timer);
          resolve();
        }
      });
      child.once('error', (error) => fail(`could not be run (${error.message})`));
      child.once('exit', (code, signal) => {
        this.child = null;
        fail(`ended with ${signal ?? `exit code ${code}`}`);
      });
    });
  }
}

interface Account {
  /** Null: run as the current user. */
  readonly uid: number | null;
  readonly gid: number;
  readonly name: string;
  /** True where the account cannot enter a folder on the way: it then gets only the capability to pass through. */
  readonly needsPassage: boolean;
}

async function findAccount(dataDirectory: string): Promise<Account> {
  if (process.getuid?.() !== 0) return { uid: null, gid: 0, name: '', needsPassage: false };
  const passwd = await readFile('/etc/passwd', 'utf8');
  for (const wanted of ['postgres', 'nobody']) {
    const line = passwd.split('\n').find((entry) => entry.startsWith(`${wanted}:`));
    const [, , uid, gid] = line?.split(':') ?? [];
    if (uid === undefined || gid === undefined) continue;
    return {
      uid: Number(uid),
      gid: Number(gid),
      name: wanted,
      needsPassage: !(await canReach(dataDirectory)),
    };
  }
  throw new Error(
    'Postgres does not run as root, and there is no user "postgres" or "nobody". Start as an ordinary user.',
  );
}

/** True if everyone may enter every folder above the path. */
async function canReach(path: string): Promise<boolean> {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const mode = await stat(folder).then(
      (found) => found.mode,
      () => 0o1, // not made yet: made later with passage for all
    );
    if ((mode & 0o1) === 0) return false;
  }
  return true;
}

function spawnAs(account: Account, file: string, args: readonly string[]): ChildProcess {
  // A process group of its own: Ctrl-C in a terminal would otherwise stop the server before those who still write to it.
  const options: SpawnOptions = {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    cwd: '/',
    detached: true,
  };
  if (account.uid === null) return spawn(file, args, options);
  if (!account.needsPassage) return spawn(file, args, { ...options, uid: account.uid, gid: account.gid });
  // /root is closed to other users. Ambient DAC_OVERRIDE (util-linux setpriv) lets the server reach its files below it.
  const privileges = ['--reuid', account.name, '--regid', String(account.gid), '--clear-groups'];
  privileges.push('--inh-caps', '-all,+dac_override', '--ambient-caps', '-all,+dac_override');
  return spawn('setpriv', [...privileges, '--', file, ...args], options);
}

function runToEnd(account: Account, file: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawnAs(account, file, args);
    let words = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-LOG_KEPT_BYTES)));
    child.once('error', (cause) => reject(new Error(`${file} could not be run: ${cause.message}`, { cause })));
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${file} exited with ${code}: ${words}`))));
  });
}
