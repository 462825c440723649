import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { knownLogsPath, readKnownLogs } from '@runseal/ledger';
import { findFreePort } from '@runseal/testing';
import { TestLedger, type CallOptions } from './test-ledger.fixture.js';
import type { Verdict } from './verify/verify-source.js';

let ledger: TestLedger;
let size: number;
let firstHead: string;
let newestHead: string;

beforeAll(async () => {
  ledger = await TestLedger.start();
  size = await ledger.seal(20);
  firstHead = await ledger.waitForHead(size);
  size = await ledger.seal(20);
  newestHead = await ledger.waitForHead(size);
  await ledger.trust('home');
});

afterAll(() => ledger.close());

async function verify(args: string[] = [], options: CallOptions = {}): Promise<Verdict & { exitCode: number }> {
  const { exitCode, out, err } = await ledger.cli(['verify', '--json', ...args], options);
  if (!out.startsWith('{')) throw new Error(out + err);
  return { ...(JSON.parse(out) as Verdict), exitCode };
}

const knownAt = (home: string) => readKnownLogs(knownLogsPath(join(ledger.folder, home)));

describe('trust', () => {
  test('comes from known-logs, and the newest head is remembered there', async () => {
    await ledger.trust('remembering');
    expect((await verify([], { home: 'remembering' })).trust).toBe('known-log');
    const entry = { log: 'test/default', keys: [ledger.verifierKey], head: newestHead, accepted_epoch: 0 };
    expect(await knownAt('remembering')).toEqual([entry]);
  });

  test('is none at the first contact: undetermined, with the key that the server shows, and nothing is remembered', async () => {
    for (const place of [[], ['--database', ledger.auditorUrl]]) {
      const verdict = await verify(place, { home: 'stranger' });
      expect(verdict).toMatchObject({
        verdict: 'undetermined',
        exitCode: 2,
        trust: 'none',
        anchored_to: null,
        faults: [],
      });
      expect(verdict).toMatchObject({ unanchored: size, shown_key: ledger.verifierKey });
    }
    const { out } = await ledger.cli(['verify'], { home: 'stranger' });
    expect(out).toContain(`runseal verify --trust-key '${ledger.verifierKey}'`);
    expect(await knownAt('stranger')).toEqual([]);
  });

  test('is pinned by a person who compared the key', async () => {
    expect(await verify(['--trust-key', ledger.verifierKey], { home: 'pinning' })).toMatchObject({
      exitCode: 0,
      trust: 'given',
    });
    expect(await verify([], { home: 'pinning' })).toMatchObject({ exitCode: 0, trust: 'known-log', anchored_to: size });
  });

  test('in another key than the real one leaves everything undetermined, whatever the server shows', async () => {
    const other = ledger.verifierKey.replace('test/default/0', 'test/default/1');
    const { exitCode, err } = await ledger.cli(['verify', '--trust-key', other], { home: 'fooled' });
    expect({ exitCode, err }).toMatchObject({ exitCode: 2, err: expect.stringContaining('--trust-key') as string });
    const foreign = 'test/default/0+9b94e1be+AWYIKDmyAY6KNGlh8z3FLzIBBa+sIFLX4GVk6vUe3RXJ';
    const file = await ledger.write('foreign.key', foreign);
    const verdict = await ledger.cli(['verify', '--json', '--key-file', file], { home: 'fooled' });
    expect(verdict.exitCode).toBe(2);
    expect(await knownAt('fooled')).toEqual([]);
  });

  test('in a key file and an older head proves that today extends it, and leaves known-logs alone', async () => {
    const key = await ledger.write('ledger.key', `${ledger.verifierKey}\n`);
    const head = await ledger.write('older.head', firstHead);
    for (const given of [
      ['--key-file', key],
      ['--head', head],
      ['--key-file', key, '--head', head],
    ]) {
      expect(await verify(given, { home: 'given' })).toMatchObject({ exitCode: 0, trust: 'given', anchored_to: size });
      expect(await knownAt('given')).toEqual([]);
    }
    // The database alone shows no heads: what is behind the older one is not anchored.
    const inside = await verify(['--head', head, '--database', ledger.auditorUrl], { home: 'given' });
    expect(inside).toMatchObject({ exitCode: 0, anchored_to: 21, unanchored: size - 21 });
  });

  test('in a head that no known key signed is refused, with what to do', async () => {
    const head = await ledger.write('broken.head', firstHead.replace('\n21\n', '\n22\n'));
    const { exitCode, err } = await ledger.cli(['verify', '--head', head]);
    expect(exitCode).toBe(2);
    expect(err).toMatch(/is no head that one of the known keys signed.*--key-file/);
  });
});

describe('for people', () => {
  test('the verdict is one clear line first', async () => {
    const { out, exitCode } = await ledger.cli(['verify']);
    expect(out).toMatch(new RegExp(`^intact up to this signed head: ${size} records of test/default\n`));
    expect(exitCode).toBe(0);
  });

  test('what was changed is named in the first line', async () => {
    await ledger.keep();
    await ledger.superuser.query(`update ledger.payloads set payload = payload || '\\x20'::bytea where seq = 7`);
    const { out, exitCode } = await ledger.cli(['verify']);
    await ledger.restore();
    expect(out).toMatch(/^TAMPERED: record 7: payload_mismatch, /);
    expect(exitCode).toBe(1);
  });

  test('wrong options and missing servers are exit code 2 and say what to do, without a stack trace', async () => {
    const port = await findFreePort();
    const nobody = { url: `http://127.0.0.1:${port}`, home: 'home' };
    for (const [args, words] of [
      [['verify'], /gave no answer \(ECONNREFUSED\)/],
      [['verify', '--export', 'missing.jsonl'], /missing\.jsonl cannot be read/],
      [['verify', '--database', 'mysql://x'], /wanted postgres:\/\//],
      [['verify', '--database', `postgres://127.0.0.1:${port}/x`], /ECONNREFUSED/],
      [['verify', '--accept-epoch', '-1'], /whole number/],
      [['verify', '--nonsense'], /unknown option/],
      [['nonsense'], /unknown command/],
    ] as const) {
      const { exitCode, err } = await ledger.cli(args, nobody);
      expect({ args, exitCode }).toEqual({ args, exitCode: 2 });
      expect(err).toMatch(words);
      expect(err).not.toMatch(/\n\s+at /);
    }
  });
});

test('a program gets a verdict too where nothing could be read', async () => {
  const verdict = await verify([], { url: `http://127.0.0.1:${await findFreePort()}` });
  expect(verdict).toMatchObject({ verdict: 'undetermined', exitCode: 2, size: 0, faults: [], trust: 'none' });
  expect(verdict.reason).toContain('ECONNREFUSED');
});

describe('a server that withholds', () => {
  let proxy: Server;
  /** Decides what becomes of a request; null passes it on. */
  let withhold: (path: string) => number | null = () => null;
  const at = () => ({ url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });

  beforeAll(async () => {
    await ledger.trust('home', newestHead);
    proxy = createServer((request, response) => {
      const status = withhold(request.url ?? '');
      if (status === 0) return void request.socket.destroy();
      if (status !== null) return void response.writeHead(status).end('{}');
      const headers = { authorization: request.headers.authorization ?? '' };
      fetch(ledger.url + (request.url ?? ''), { headers })
        .then(async (answer) => response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer())))
        .catch(() => request.socket.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => proxy.close(resolve)));

  test.each([
    ['records in the middle', (path: string) => (path.includes('/records?after=4') ? 500 : null)],
    ['the connection in the middle', (path: string) => (path.includes('/records?after=4') ? 0 : null)],
    ['its newest head', (path: string) => (path.endsWith('/checkpoint') ? 500 : null)],
    ['an older head', (path: string) => (path.endsWith('/heads/0/1') ? 503 : null)],
    ['what it says of restores', (path: string) => (path.includes('ledger.restored') ? 500 : null)],
  ])('%s: undetermined, exit code 2', async (_, decide) => {
    withhold = decide;
    const verdict = await verify([], at());
    expect(verdict).toMatchObject({ verdict: 'undetermined', exitCode: 2, faults: [] });
    expect(verdict.reason).toMatch(/answered|gave no answer/);
  });

  test('tiles, which are a cache: intact, and counted', async () => {
    withhold = (path) => (path.includes('/tile/') ? 500 : null);
    expect(await verify([], at())).toMatchObject({ exitCode: 0, tiles: { compared: 0, missing: 1 } });
  });

  test('the end of its records: tail_missing, for it said that there is no more', async () => {
    withhold = () => null;
    await ledger.keep();
    await ledger.superuser.query('delete from ledger.records where seq >= 30');
    const verdict = await verify([], at());
    await ledger.restore();
    expect(verdict).toMatchObject({ exitCode: 1, faults: [{ kind: 'tail_missing', between: [30, size] }] });
  });
});

describe('an export', () => {
  test('verifies, plain and gzipped, and ends with the signed head', async () => {
    for (const name of ['ledger.jsonl', 'ledger.jsonl.gz']) {
      const file = join(ledger.folder, name);
      expect((await ledger.cli(['export', '-o', file])).exitCode).toBe(0);
      expect(await verify(['--export', file])).toMatchObject({
        verdict: 'intact',
        exitCode: 0,
        size,
        anchored_to: size,
      });
    }
    const text = await readFile(join(ledger.folder, 'ledger.jsonl'), 'utf8');
    expect(gunzipSync(await readFile(join(ledger.folder, 'ledger.jsonl.gz'))).toString('utf8')).toBe(text);
    const lines = text.trimEnd().split('\n');
    expect(JSON.parse(lines[0] ?? '')).toEqual({ format: 'runseal.export.v1', ledger: 'default' });
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ head: newestHead });
    expect(lines).toHaveLength(size + 2);
    expect((await ledger.cli(['export'])).out).toBe(text);
  });

  test('is undetermined where it is cut off, tampered where a line is gone, changed or no UTF-8', async () => {
    const whole = await readFile(join(ledger.folder, 'ledger.jsonl'));
    const lines = whole.toString('utf8').split('\n');
    const check = async (text: string | Buffer) => {
      const file = join(ledger.folder, 'changed.jsonl');
      await writeFile(file, text);
      return verify(['--export', file]);
    };
    const cut = await check(whole.subarray(0, whole.length / 2));
    expect(cut).toMatchObject({ verdict: 'undetermined', exitCode: 2, faults: [] });
    expect(cut.reason).toContain('cut off');
    expect((await check(lines.toSpliced(9, 1).join('\n'))).faults).toEqual([{ kind: 'hole', seq: 8 }]);
    expect((await check(lines.with(9, (lines[9] ?? '').replace('2.1043', '2.1044')).join('\n'))).faults[0]).toEqual({
      kind: 'payload_mismatch',
      seq: 8,
    });
    const place = whole.indexOf('metrics-logged', whole.indexOf('"seq":8'));
    const bytes = Buffer.from(whole);
    bytes[place] = 0xff;
    expect((await check(bytes)).faults).toEqual([{ kind: 'hole', seq: 8 }]);
  });

  test('leaves no file under its name, nor another, where it breaks off', async () => {
    const folder = join(ledger.folder, 'exports');
    await mkdir(folder);
    let asked = 0;
    const broken = createServer((request, response) => {
      if ((request.url ?? '').includes('/records') && ++asked > 0) return void request.socket.destroy();
      response.end(newestHead);
    });
    await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(broken.address() as AddressInfo).port}`;
    const { exitCode } = await ledger.cli(['export', '-o', join(folder, 'ledger.jsonl')], { url });
    await new Promise((resolve) => broken.close(resolve));
    expect({ exitCode, asked: asked > 0, left: await readdir(folder) }).toEqual({ exitCode: 2, asked: true, left: [] });
  });
});

describe('evidence of one record', () => {
  test('verifies offline, and names what was changed in it', async () => {
    const file = join(ledger.folder, 'record.json');
    expect((await ledger.cli(['evidence', '17', '-o', file])).exitCode).toBe(0);
    const nobody = { url: 'http://127.0.0.1:9' };
    const check = async (args: string[] = [], home = 'home') => {
      const { exitCode, out } = await ledger.cli(['verify', '--json', '--evidence', file, ...args], {
        ...nobody,
        home,
      });
      return { exitCode, ...(JSON.parse(out) as { verdict: string; faults: { kind: string }[] }) };
    };
    expect(await check()).toMatchObject({
      exitCode: 0,
      verdict: 'intact',
      seq: 17,
      payload: 'verified',
      trust: 'known-log',
    });
    expect(await check([], 'stranger')).toMatchObject({ exitCode: 2, verdict: 'undetermined' });
    const key = await ledger.write('ledger.key', ledger.verifierKey);
    expect(await check(['--key-file', key], 'stranger')).toMatchObject({ exitCode: 0, trust: 'given' });
    const text = await readFile(file, 'utf8');
    for (const [from, to, kind] of [
      ['2.1043', '2.1044', 'payload_mismatch'],
      ['"seq":17', '"seq":18', 'content'],
      ['run.metrics-logged', 'run.metrics-lagged', 'content'],
    ] as const) {
      await writeFile(file, text.replace(from, to));
      expect(await check()).toMatchObject({ exitCode: 1, verdict: 'tampered', faults: [{ kind }] });
    }
    await writeFile(file, 'no evidence');
    expect((await ledger.cli(['verify', '--evidence', file])).exitCode).toBe(2);
  });

  test('of a record that is not there is no', async () => {
    const { exitCode, err } = await ledger.cli(['evidence', '999999']);
    expect(exitCode).toBe(1);
    expect(err).toContain('There is no record 999999');
  });

  test('of a record not yet under a head waits for it, with a note', async () => {
    size = await ledger.submit(1);
    const answer = await ledger.cli(['evidence', String(size - 1)]);
    expect(answer.exitCode).toBe(0);
    expect(answer.err).toContain('is not under a signed head yet');
  });
});

describe('a restore that lost acknowledged records', () => {
  test('is undetermined until a person accepts its epoch, and then remembered', async () => {
    await ledger.trust('owner', await ledger.waitForHead(size));
    await ledger.stopService();
    await ledger.setBack(25);
    await cp(ledger.headsFolder, join(ledger.folder, 'heads-copy'), { recursive: true });
    await ledger.serve();
    const opened = await ledger.request('/v1/ledger/epochs', { reason: 'the disk failed' });
    expect(opened.status).toBe(201);
    await ledger.waitForHead(26);
    for (const place of [[], ['--database', ledger.auditorUrl, '--heads', ledger.headsFolder]]) {
      const verdict = await verify(place, { home: 'owner' });
      expect(verdict).toMatchObject({ verdict: 'undetermined', exitCode: 2, epoch: 1, faults: [] });
      expect(verdict.lost).toEqual([{ epoch: 0, from: 25, to: size - 1 }]);
      expect(verdict.reason).toContain('accepted epoch 1');
    }
    const accepted = await verify(['--accept-epoch', '1'], { home: 'owner' });
    expect(accepted).toMatchObject({ verdict: 'intact', exitCode: 0, epoch: 1, size: 26, anchored_to: 26 });
    expect(await verify([], { home: 'owner' })).toMatchObject({ verdict: 'intact', exitCode: 0, epoch: 1 });
    const [entry] = await knownAt('owner');
    expect(entry).toMatchObject({ accepted_epoch: 1 });
    expect(entry?.head).toMatch(/^test\/default\/1\n26\n/);
    expect((await stat(knownLogsPath(join(ledger.folder, 'owner')))).mode & 0o777).toBe(0o600);
  });
});
