import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalServer, type LocalServerOptions } from './local-server.js';
import { openDirectConnection } from './pool.js';
import { makeFolder, optionsFor, removeFolder } from './throw-away-server.fixture.js';

describe('LocalServer', () => {
  let folder: string;
  let options: LocalServerOptions;
  let server: LocalServer;

  const onTestEnd: (() => unknown)[] = [];

  beforeEach(async () => {
    folder = await makeFolder();
    options = await optionsFor(folder);
    server = new LocalServer(options);
  });
  afterEach(async () => {
    for (const end of onTestEnd.splice(0)) end();
    await server.stop('SIGKILL');
    await removeFolder(folder);
  });

  const query = async (sql: string) => {
    const connection = await openDirectConnection(server.url(), 'test');
    try {
      return (await connection.query(sql)).rows;
    } finally {
      await connection.end();
    }
  };
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  it('makes its data directory at the first start and finds its data again at the second', async () => {
    await server.start();
    const pid = server.pid!;
    await query('create table kept (n int); insert into kept values (7)');
    await server.stop();
    expect(server.pid).toBeNull();
    expect(isAlive(pid)).toBe(false);
    await server.start();
    expect(await query('select n from kept')).toEqual([{ n: 7 }]);
  });

  it('takes settings beside its own, and no connection without the password', async () => {
    await server.start();
    expect(await query('show shared_buffers')).toEqual([{ shared_buffers: '16MB' }]);
    expect(await query('show fsync')).toEqual([{ fsync: 'on' }]);
    const stranger = new LocalServer({
      ...options,
      superuserPassword: 'wrong',
    });
    await expect(openDirectConnection(stranger.url(), 'test')).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps what was committed when it is killed', async () => {
    await server.start();
    await query('create table kept (n int); insert into kept values (7)');
    await server.stop('SIGKILL');
    await server.start();
    expect(await query('select n from kept')).toEqual([{ n: 7 }]);
  });

  it('stops at once where it does not run, and twice', async () => {
    await server.stop();
    await server.start();
    await server.stop();
    await server.stop();
    expect(server.pid).toBeNull();
  });

  it('lives in a path with a space in it', async () => {
    await removeFolder(folder);
    folder = await makeFolder('runseal local ');
    options = { ...options, dataDirectory: `${folder}/my data/pg` };
    server = new LocalServer(options);
    await server.start();
    await query('create table kept (n int)');
    await server.stop();
    await server.start();
    expect(await query('select n from kept')).toEqual([]);
    expect(existsSync(`${folder}/my data/pg.password`)).toBe(false);
  });

  it('says in its own words what is wrong where the port is taken, and leaves nothing running', async () => {
    const taken: Server = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    server = new LocalServer({ ...options, port });
    const refused = server.start();
    await expect(refused).rejects.toThrow(`Postgres on port ${port} ended with exit code 1.`);
    await expect(refused).rejects.toThrow('Address already in use');
    expect(server.pid).toBeNull();
    expect(existsSync(`${options.dataDirectory}/postmaster.pid`)).toBe(false);
    taken.close();
    await once(taken, 'close');
    await server.start();
  });

  it('says which program could not be run', async () => {
    server = new LocalServer({
      ...options,
      binaries: { ...options.binaries, initdb: `${folder}/no-such-initdb` },
    });
    await expect(server.start()).rejects.toThrow(/no-such-initdb/);
    expect(server.pid).toBeNull();
  });

  // Only root starts the server as somebody else, whom a closed folder keeps out.
  const isRoot = process.getuid?.() === 0;
  (isRoot ? it : it.skip)(
    `runs below a folder that only root may enter, data and programs${isRoot ? '' : ' (skipped: needs root)'}`,
    async () => {
      const closed = join(folder, 'closed');
      await mkdir(closed, { mode: 0o700 });
      await cp(dirname(dirname(options.binaries.postgres)), join(closed, 'native'), {
        recursive: true,
        verbatimSymlinks: true,
      });
      const program = (name: string) => join(closed, 'native/bin', name);
      const binaries = { initdb: program('initdb'), postgres: program('postgres'), pg_ctl: program('pg_ctl') };
      server = new LocalServer({ ...options, binaries, dataDirectory: join(closed, 'data') });
      await server.start();
      await query('create table kept (n int); insert into kept values (7)');
      await server.stop('SIGKILL');
      await server.start();
      expect(await query('select n from kept')).toEqual([{ n: 7 }]);
    },
    30_000, // it copies 60 MB three times
  );

  it('stops the server that a killed process left behind, and keeps its data', async () => {
    const script = `import { LocalServer } from '@runseal/postgres'; import { json } from 'node:stream/consumers';
      const server = new LocalServer(await json(process.stdin));
      await server.start(); console.log(String(server.pid)); setInterval(() => {}, 1000);`;
    const { NODE_OPTIONS: _, ...env } = process.env;
    const cwd = fileURLToPath(new URL('.', import.meta.url));
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd, env, stdio: 'pipe' });
    onTestEnd.push(() => parent.kill('SIGKILL'));
    parent.stdin.end(JSON.stringify(options));
    const [said] = (await once(createInterface(parent.stdout), 'line')) as [string];
    const orphan = Number(said);
    expect((await readFile(`${options.dataDirectory}/postmaster.pid`, 'utf8')).split('\n')[0]).toBe(said);
    await query('create table kept (n int); insert into kept values (7)');
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    expect(isAlive(orphan)).toBe(true);
    expect(await query('select n from kept')).toEqual([{ n: 7 }]);

    await server.start();
    expect(server.pid).not.toBe(orphan);
    expect((await readFile(`${options.dataDirectory}/postmaster.pid`, 'utf8')).split('\n')[0]).toBe(`${server.pid}`);
    expect(await query('select n from kept')).toEqual([{ n: 7 }]);
  });
});
