import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { knownLogsPath, readKnownLogs } from '@runseal/ledger';
import { openPool } from '@runseal/postgres';
import { submitEvents } from '@runseal/sdk';
import { waitFor } from '@runseal/testing';
import {
  findServicePort,
  mainFile,
  readCredentials,
  StandaloneProcess,
  type Place,
} from './standalone-process.fixture.js';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** Where root lends an ordinary user the tests, that user must be able to read this repository. */
const canRunAsOther =
  !isRoot || spawnSync(process.execPath, ['--check', mainFile], { uid: NOBODY, gid: NOBODY, cwd: '/' }).status === 0;

let base: string;
let place: Place;
const running: StandaloneProcess[] = [];

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'runseal standalone '));
  await chmod(base, 0o711);
  place = { data: join(base, 'data'), config: join(base, 'config'), port: await findServicePort() };
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop('SIGTERM')));
});

afterAll(() => rm(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

async function start(where: Place = place): Promise<StandaloneProcess> {
  const started = await StandaloneProcess.start(where);
  running.push(started);
  return started;
}

async function refuse(where: Place): Promise<string> {
  const refused = StandaloneProcess.spawn(where);
  expect(await refused.end()).toBe(1);
  return refused.output;
}

async function sealOne({ url, api_key }: { url: string; api_key: string }, retry_s = 20): Promise<number> {
  const event = {
    id: uuidv7(),
    type: 'artifact.registered' as const,
    version: 1,
    stream: `artifact/sha256:${'a'.repeat(64)}`,
    occurred_at: null,
    producer: null,
    payload: {
      form: null,
      kind: null,
      name: null,
      location: null,
      size_bytes: null,
      files: null,
      run: null,
      asserted: [],
    },
  };
  for await (const [receipt] of submitEvents([event], { url, apiKey: api_key, retry_s }))
    if (receipt) return receipt.seq;
  throw new Error('no receipt');
}

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

describe('standalone', () => {
  let firstKey: string;

  it('makes key, credentials and known log at its first start, and ends cleanly at SIGTERM with Postgres gone', async () => {
    const first = await start();
    const credentials = await first.credentials();
    const address = `http://127.0.0.1:${place.port}`;
    firstKey = credentials.api_key;
    expect(credentials).toEqual({
      url: address,
      api_key: expect.stringMatching(/^rsk_/),
      database_url: expect.stringMatching(/^postgres:\/\/postgres:.+@127\.0\.0\.1:\d+\/runseal$/),
      heads_dir: join(place.data, 'heads'),
      log: expect.stringMatching(/^[a-z0-9-]+-[0-9a-f]{6}\/default$/),
    });
    expect(first.output).toContain(firstKey);
    for (const secret of ['credentials.json', 'installation.json', 'keys/signing-key', 'logs/standalone.log']) {
      expect([secret, await modeOf(join(place.data, secret))]).toEqual([secret, '600']);
    }
    const verifierKey = (await (await first.get('/v1/log/default/key')).text()).trim();
    expect(await readKnownLogs(knownLogsPath(place.config))).toEqual([
      { log: credentials.log, keys: [verifierKey], head: null, accepted_epoch: 0 },
    ]);
    expect((await first.get('/v1/keys')).status).toBe(200);
    expect(await sealOne(credentials)).toBe(1);
    expect(existsSync(join(place.data, 'postgres', 'postmaster.pid'))).toBe(true);
    expect(await first.stop('SIGTERM')).toBe(0);
    expect(existsSync(join(place.data, 'postgres', 'postmaster.pid'))).toBe(false);
    expect(existsSync(join(place.data, 'standalone.lock'))).toBe(false);
    expect(await readFile(join(place.data, 'logs', 'standalone.log'), 'utf8')).not.toContain(firstKey.slice(21));
  });

  it('finds its data and its key again, and ends cleanly at SIGINT', async () => {
    const again = await start();
    expect(again.output).not.toContain('rsk_');
    expect((await again.credentials()).api_key).toBe(firstKey);
    expect((await again.get('/v1/records/1')).status).toBe(200);
    expect(await sealOne(await again.credentials())).toBe(2);
    expect(await again.stop('SIGINT')).toBe(0);
  });

  it('goes on after SIGKILL with everything that it acknowledged', async () => {
    const killed = await start();
    const seq = await sealOne(await killed.credentials());
    expect(await killed.stop('SIGKILL')).toBe('SIGKILL');
    const next = await start();
    expect((await next.get(`/v1/records/${seq}`)).status).toBe(200);
    expect(await sealOne(await next.credentials())).toBe(seq + 1);
  });

  it('starts Postgres again when that alone is killed, and seals on', async () => {
    const one = await start();
    const pidFile = join(place.data, 'postgres', 'postmaster.pid');
    const readPid = async () => (await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0];
    const before = await readPid();
    process.kill(Number(before), 'SIGKILL');
    await waitFor('another Postgres', async () => ![before, ''].includes(await readPid()));
    expect(await sealOne(await one.credentials(), 60)).toBeGreaterThan(0);
  });

  it('serves the page and every service on one port, each reader at the newest record', async () => {
    const one = await start();
    const seq = await sealOne(await one.credentials(), 61);
    const page = await one.get('/');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const { url, api_key } = await one.credentials();
    const ask = async (path: string) => {
      const answer = await fetch(url + path, { headers: { authorization: `Bearer ${api_key}` } });
      return { status: answer.status, position: answer.headers.get('runseal-position') };
    };
    for (const path of ['/v1/runs', '/v1/models', '/v1/policies']) {
      const { status, position } = await ask(`${path}?min_position=${seq}`);
      expect({ path, status, isThere: Number(position?.split('/')[1]) >= seq }).toEqual({
        path,
        status: 200,
        isThere: true,
      });
    }
  });

  it('says who has the port and how to take another', async () => {
    const holder = await start();
    const other: Place = { ...place, data: join(base, 'other') };
    expect(await refuse(other)).toContain(`Port ${holder.place.port} is in use by another Runseal.`);
    expect(await refuse({ ...other, port: place.port - 100 })).toMatch(
      /Port \d+, wanted for metrics, is in use by another/,
    );
    const stranger = createServer((socket) => socket.resume().end('hello\n'));
    const port = await findServicePort();
    await new Promise<void>((resolve) => stranger.listen(port, '127.0.0.1', resolve));
    const output = await refuse({ ...other, port });
    await new Promise((resolve) => stranger.close(resolve));
    expect(output).toMatch(new RegExp(`Port ${port} is in use by another program.*--port`));
    expect(existsSync(join(other.data, 'postgres'))).toBe(false);
  });

  it('refuses a folder that another one works on, and leaves that one alone', async () => {
    const holder = await start();
    const output = await refuse({ ...place, port: await findServicePort() });
    expect(output).toContain(`is in use by the process with id ${holder.child.pid}`);
    expect((await holder.get('/health/ready')).status).toBe(200);
  });

  it('takes over the lock of a process that is gone', async () => {
    await writeFile(join(place.data, 'standalone.lock'), JSON.stringify({ pid: process.pid, born: 'long ago' }));
    expect((await (await start()).get('/health/ready')).status).toBe(200);
  });

  it('says what to do about damaged credentials, and makes a new key where they were deleted', async () => {
    const file = join(place.data, 'credentials.json');
    await writeFile(file, '{"url": "http');
    expect(await refuse(place)).toMatch(/credentials\.json is damaged: found no api_key.*or delete it/);
    await rm(file);
    const started = await start();
    const { api_key } = await readCredentials(place);
    expect(api_key).not.toBe(firstKey);
    expect(started.output).toContain(api_key);
    expect((await started.get('/v1/records/1')).status).toBe(200);
  });

  it('refuses a folder of a newer version, by layout and by schema', async () => {
    const file = join(place.data, 'installation.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, JSON.stringify({ ...(JSON.parse(text) as object), format: 2, version: '9.0.0' }));
    expect(await refuse(place)).toMatch(/made by a newer Runseal \(9\.0\.0, layout 2; this is/);
    await writeFile(file, text);
    const pool = openPool({ url: (await (await start()).credentials()).database_url, applicationName: 'test' });
    await pool.query(
      `insert into migrations.applied (component, number, name, sha256) values ('ledger', 999, 'later', repeat('0', 64))`,
    );
    await pool.end();
    expect(await running.pop()?.stop()).toBe(0);
    expect(await refuse(place)).toMatch(
      /Schema "ledger" of the database is at version 999, this program needs version \d+/,
    );
  });

  it('refuses to make a new signing key beside heads of an old one', async () => {
    const where: Place = { ...place, data: join(base, 'keyless') };
    await mkdir(join(where.data, 'heads', '0'), { recursive: true });
    expect(await refuse(where)).toMatch(/signing-key is missing, but heads signed with it lie in/);
  });

  it('starts below a folder that is closed to Postgres’ own user', async () => {
    const closed = join(base, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const started = await start({ ...place, data: join(closed, 'data'), config: join(closed, 'config') });
    expect(await sealOne(await started.credentials())).toBe(1);
  });

  const whyNot = canRunAsOther ? '' : ' (skipped: no way here to become another user)';
  (canRunAsOther ? it : it.skip)(`starts as an ordinary user${whyNot}`, async () => {
    const home = join(base, 'home');
    await mkdir(home, { mode: 0o700 });
    if (isRoot) await chown(home, NOBODY, NOBODY);
    const started = await start({
      data: join(home, 'data'),
      config: join(home, 'config'),
      port: place.port,
      ...(isRoot ? { uid: NOBODY } : {}),
    });
    expect(await sealOne(await started.credentials())).toBe(1);
    const owner = (await stat(join(home, 'data', 'postgres'))).uid;
    expect(owner).toBe(isRoot ? NOBODY : process.getuid?.());
  });
});
