import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { findFreePort, waitFor } from '@runseal/testing';
import type { ImportResult } from '../commands/import.js';
import { runCli } from '../run-cli.js';
import { addFiles, losses, logText, makeFolder, stateOf } from './run-folder.fixture.js';

// Everything in one process, the gates among it, as `runseal standalone` starts it.

const script = fileURLToPath(new URL('../../bin/runseal.js', import.meta.url));
const healthy = fileURLToPath(new URL('../../demo/healthy-lora', import.meta.url));
let base: string;
let standalone: ChildProcess;
let address: { url: string; api_key: string };

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'runseal-judged-'));
  // Started by root, Postgres runs as another user.
  await chmod(base, 0o711);
  const args = [script, 'standalone', '--port', String(await findFreePort()), '--data', join(base, 'data')];
  const env = { PATH: process.env['PATH'] ?? '', XDG_CONFIG_HOME: join(base, 'config') };
  standalone = spawn(process.execPath, args, { env, cwd: base, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [standalone.stdout, standalone.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  await waitFor('the address', () => said.includes('Runseal serves') || standalone.exitCode !== null, 60_000);
  if (standalone.exitCode !== null) throw new Error(said);
  address = JSON.parse(await readFile(join(base, 'data', 'credentials.json'), 'utf8')) as typeof address;
});

afterAll(async () => {
  standalone.kill('SIGTERM');
  if (standalone.exitCode === null) await once(standalone, 'exit');
  await rm(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

async function cli(...args: string[]): Promise<string> {
  let out = '';
  const [stdout, stderr] = [new Writable(), new Writable()].map((stream) =>
    Object.assign(stream, {
      _write: (chunk: Buffer, _: string, done: () => void) => {
        out += String(chunk);
        done();
      },
    }),
  ) as [Writable, Writable];
  const environment = { url: address.url, apiKey: address.api_key, configHome: join(base, 'config') };
  const interrupted = new AbortController().signal;
  const exitCode = await runCli(args, { out: stdout, err: stderr, folder: base, environment, interrupted });
  if (exitCode === 2) throw new Error(out);
  return out;
}

const importFolder = async (...args: string[]) =>
  JSON.parse(await cli('import', 'llamafactory', ...args, '--json')) as ImportResult;

/** Overall and position of the newest verdict. */
async function verdictOf(run: string): Promise<{ overall: string; position: number }> {
  return JSON.parse(await cli('why', run, '--json')) as { overall: string; position: number };
}

/** Seqs of a run's endings. */
async function endsOf(run: string): Promise<number[]> {
  const headers = { authorization: `Bearer ${address.api_key}` };
  const answer = await fetch(`${address.url}/v1/records?stream=run/${run}&limit=1000`, { headers });
  const { items } = (await answer.json()) as { items: { seq: number; envelope: string }[] };
  return items.flatMap(({ seq, envelope }) => (/"type":"run\.(finished|failed)"/.test(envelope) ? [seq] : []));
}

test('a run of which nothing but the folder is told is blocked as soon as it is imported, and the reader told where to ask', async () => {
  const folder = await makeFolder({ 'trainer_log.jsonl': logText(losses(1, 10), 10, { ends: true }) });
  const told = await cli('import', 'llamafactory', folder);
  const [, run] = /\nVerdict: blocked\. Why: runseal why ([0-9a-f-]{36})\n$/.exec(told) ?? [told];
  expect(await verdictOf(run ?? '')).toMatchObject({ overall: 'blocked' });
  // Nothing is sealed now, and the verdict is there at once.
  expect(await importFolder(folder)).toMatchObject({ run_id: run, sealed: 0, overall: 'blocked' });
});

test('a run of which everything is told is judged by what is told', async () => {
  const given = ['--dataset', join(healthy, 'train.json'), '--facts', join(healthy, 'facts.yaml')];
  const result = await importFolder(healthy, '--experiment', 'demo', ...given);
  expect(result).toMatchObject({ state: 'finished', missing: [], overall: 'warnings' });
});

test('a run that goes on is answered with the verdict of its new end', async () => {
  const folder = await makeFolder({ 'trainer_log.jsonl': logText(losses(1, 4), 20) });
  const first = await importFolder(folder);
  const [before] = await endsOf(first.run_id);
  expect(await verdictOf(first.run_id)).toMatchObject({ overall: first.overall, position: before });
  await addFiles(folder, {
    'trainer_log.jsonl': logText(losses(1, 4), 20) + logText(losses(5, 20), 20, { ends: true }),
    'trainer_state.json': stateOf([...losses(1, 20), { step: 20, train_loss: 1 }], 20),
  });
  const second = await importFolder(folder);
  expect(second.run_id).toBe(first.run_id);
  const [, after] = await endsOf(first.run_id);
  expect(await verdictOf(first.run_id)).toMatchObject({ overall: second.overall, position: after });
});
