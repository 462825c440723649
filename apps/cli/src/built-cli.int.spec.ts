import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort, waitFor } from '@runseal/testing';
import { TestLedger } from './test-ledger.fixture.js';
import type { Verdict } from './verify/verify-source.js';

// The built command as a process of its own: exit codes, threads, and what only a process shows.

const script = fileURLToPath(new URL('../bin/runseal.js', import.meta.url));
let ledger: TestLedger;
let size: number;

beforeAll(async () => {
  ledger = await TestLedger.start();
  // More than one block of lines, so that threads have to keep the order.
  for (let round = 0; round < 3; round++) size = await ledger.seal(490);
  await ledger.trust('home', await ledger.waitForHead(size));
});

afterAll(() => ledger.close());

interface Ended {
  exitCode: number | null;
  out: string;
  err: string;
}

function start(args: readonly string[], more: Record<string, string> = {}) {
  const env = {
    PATH: process.env['PATH'] ?? '',
    XDG_CONFIG_HOME: join(ledger.folder, 'home'),
    RUNSEAL_URL: ledger.url,
    RUNSEAL_API_KEY: ledger.apiKey,
    ...more,
  };
  let end: (ended: Ended) => void;
  const ended = new Promise<Ended>((resolve) => (end = resolve));
  const options = { env, cwd: ledger.folder, maxBuffer: 64 << 20 };
  const child = execFile(process.execPath, [script, ...args], options, (_error, out, err) =>
    end({ exitCode: child.exitCode, out, err }),
  );
  return { child, ended };
}

const run = (args: readonly string[], more?: Record<string, string>) => start(args, more).ended;

test('help names every command, and each command has an example', async () => {
  const { exitCode, out } = await run(['--help']);
  expect(exitCode).toBe(0);
  const names = [...out.matchAll(/^ {2}([a-z]+) .*$/gm)]
    .map(([, name]) => name ?? '')
    .filter((name) => name !== 'help');
  expect(names).toEqual(expect.arrayContaining(['verify', 'evidence', 'export', 'tail', 'keys', 'migrate', 'doctor']));
  const all = [
    ...names.map((name) => [name]),
    ['keys', 'create'],
    ['keys', 'list'],
    ['keys', 'revoke'],
    ['demo', 'tamper'],
  ];
  for (const name of all) {
    const help = await run([...name, '--help']);
    expect({ name, exitCode: help.exitCode }).toEqual({ name, exitCode: 0 });
    expect(help.out).toMatch(/Examples?:\n {2}runseal /);
  }
});

test('0 is intact, 1 tampered, 2 undetermined, over HTTP and from an export read by threads', async () => {
  expect(await run(['verify'])).toMatchObject({
    exitCode: 0,
    out: expect.stringMatching(/^intact up to/) as string,
    err: '',
  });
  const file = join(ledger.folder, 'ledger.jsonl');
  expect((await run(['export', '-o', file])).exitCode).toBe(0);
  const whole = JSON.parse((await run(['verify', '--json', '--export', file])).out) as Verdict;
  expect(whole).toMatchObject({ verdict: 'intact', size, anchored_to: size, payloads: { verified: size } });
  const text = await readFile(file, 'utf8');
  const lines = text.split('\n');
  const changed = lines.with(1200, (lines[1200] ?? '').replace('2.1043', '9.1043')).toSpliced(701, 1);
  await writeFile(file, changed.join('\n'));
  const found = await run(['verify', '--json', '--export', file]);
  expect({ exitCode: found.exitCode, faults: (JSON.parse(found.out) as Verdict).faults }).toEqual({
    exitCode: 1,
    faults: [
      { kind: 'hole', seq: 700 },
      { kind: 'payload_mismatch', seq: 1199 },
    ],
  });
  await writeFile(file, text.slice(0, text.length / 2));
  expect((await run(['verify', '--export', file])).exitCode).toBe(2);
  expect((await run(['verify'], { RUNSEAL_URL: `http://127.0.0.1:${await findFreePort()}` })).exitCode).toBe(2);
  expect((await run(['verify'], { XDG_CONFIG_HOME: join(ledger.folder, 'stranger') })).exitCode).toBe(2);
  expect((await run(['verify', '--what'])).exitCode).toBe(2);
});

test('an export that is killed in the middle leaves nothing under its name', async () => {
  const head = await ledger.waitForHead(size);
  const page = await (await ledger.request('/v1/records?limit=100')).text();
  let pages = 0;
  // Gives the first page and then never answers.
  const stalling = createServer((request, response) => {
    if (!(request.url ?? '').startsWith('/v1/records')) response.end(head);
    else if (pages++ === 0) response.end(page);
  });
  await new Promise<void>((resolve) => stalling.listen(0, '127.0.0.1', resolve));
  const folder = join(ledger.folder, 'killed');
  await mkdir(folder);
  const url = `http://127.0.0.1:${(stalling.address() as AddressInfo).port}`;
  const { child, ended } = start(['export', '-o', join(folder, 'ledger.jsonl')], { RUNSEAL_URL: url });
  await waitFor('the second question and a draft', async () => pages > 1 && (await readdir(folder)).length > 0);
  child.kill('SIGKILL');
  await ended;
  stalling.closeAllConnections();
  stalling.close();
  expect(await readdir(folder)).not.toContain('ledger.jsonl');
});

test('tail ends with exit code 0 at Ctrl-C and at SIGTERM', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { child, ended } = start(['tail', '--from', '0']);
    await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
    child.kill(signal);
    expect(await ended).toMatchObject({ exitCode: 0, err: '' });
  }
});

test('a reader that stops reading is no error', async () => {
  const { child, ended } = start(['tail', '--from', '0', '--json']);
  await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
  child.stdout?.destroy();
  await ledger.submit(1);
  expect((await ended).err).toBe('');
});

test('standalone serves, is found by the CLI in the same folder, and stops at Ctrl-C', async () => {
  const config = join(ledger.folder, 'standalone-home');
  const own = { XDG_CONFIG_HOME: config, RUNSEAL_URL: '', RUNSEAL_API_KEY: '' };
  const { child, ended } = start(['standalone', '--port', '0', '--json'], own);
  let out = '';
  child.stdout?.on('data', (text: string) => (out += text));
  await waitFor('the address', () => out.includes('\n'), 40_000);
  expect(JSON.parse(out)).toMatchObject({ api_key: expect.stringMatching(/^rsk_/) as string });
  expect(await run(['verify'], own)).toMatchObject({ exitCode: 0 });
  const trouble = (JSON.parse((await run(['doctor', '--json'], own)).out) as { findings: { state: string }[] })
    .findings;
  expect(trouble.filter(({ state }) => state !== 'ok')).toEqual([]);
  child.kill('SIGINT');
  expect((await ended).exitCode).toBe(0);
});
