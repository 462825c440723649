import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPayload, validateEvent, type SubmittedEvent } from '@runseal/contracts';
import { findFreePort, waitFor } from '@runseal/testing';
import { answer, problem, reset, ScriptedDoor } from './scripted-door.fixture.js';
import { startRun, type StartRunOptions } from './start-run.js';

const KEY = 'rsk_abc_secretsecretsecret';
let door: ScriptedDoor;
let spoolDir: string;
let said: string[];

beforeEach(async () => {
  door = await ScriptedDoor.open();
  spoolDir = mkdtempSync(join(tmpdir(), 'runseal sdk '));
  said = [];
});
afterEach(async () => {
  await door.close();
  rmSync(spoolDir, { recursive: true });
});

const start = (options: StartRunOptions = {}) =>
  startRun({
    url: door.url,
    apiKey: KEY,
    experiment: 'demo',
    spoolDir,
    drain_s: 10,
    say: (line) => said.push(line),
    ...options,
  });
const typesOf = (events: readonly SubmittedEvent[]) => events.map(({ type }) => type);

describe('startRun', () => {
  it('seals a whole run in order: every event valid, counted from 0 without a hole, the end telling the count', async () => {
    const run = await start({ name: 'first', target_model: 'm', tags: { team: 'a' }, total_steps: 20 });
    run.logParameters({ lr: 1e-4, lora: { rank: 8 } });
    run.logEnvironment({ versions: { node: process.version }, hardware: { gpu_type: 'cpu', gpu_count: 0 } });
    run.logInput({ kind: 'base_model', source: 'hub/model', revision: 'a'.repeat(40) });
    run.logMetrics({ loss: 2.1, grad_norm: NaN }, { step: 10 });
    run.saveCheckpoint({ step: 10, path: '/out/checkpoint-10' });
    run.evaluate({
      set: { kind: 'fixed' },
      metrics: [{ name: 'f1', value: NaN, scale: { from: 0, to: 1 }, standard_error: null }],
    });
    run.logOutput({ role: 'weights', path: '/out', digest: `sha256:${'b'.repeat(64)}` });
    expect(await run.finish({ completed_steps: 10, final_weights: { attempt: run.attempt, step: 10 } })).toEqual({
      complete: true,
      spooled: 0,
      setAside: 0,
      folder: expect.stringContaining(spoolDir),
    });

    expect(typesOf(door.sealed)).toEqual([
      'run.started',
      'run.attempt-started',
      'run.parameters-recorded',
      'run.environment-recorded',
      'run.input-recorded',
      'run.metrics-logged',
      'run.checkpoint-saved',
      'run.evaluated',
      'run.output-recorded',
      'artifact.registered',
      'run.finished',
    ]);
    expect(door.sealed.map((event) => validateEvent(event))).toEqual(door.sealed.map(() => null));
    expect(door.sealed.map(({ producer }) => producer?.seq)).toEqual(door.sealed.map((_, index) => index));
    const producer = door.sealed[0]?.producer?.id;
    expect(door.sealed.at(-1)?.payload).toMatchObject({
      producers: [{ id: producer, count: 11 }],
      completed_steps: 10,
    });
    expect(door.sealed[1]).toMatchObject({ id: run.attempt, stream: `run/${run.id}`, payload: { total_steps: 20 } });
    expect(door.sealed[5]?.payload).toMatchObject({
      attempt: run.attempt,
      rows: [{ kind: 'train', step: 10, n: 0, values: { loss: 2.1, grad_norm: 'NaN' } }],
    });
    expect(said).toEqual([]);
  });

  it('sends the key as a bearer, the last receipt as `known`, and writes the key nowhere', async () => {
    const receipts: string[] = [];
    const run = await start({ onReceipts: (some) => receipts.push(...some.map(({ id }) => id)) });
    await run.flush();
    run.logMetrics({ loss: 1 }, { step: 1 });
    await run.finish();
    expect(door.requests[0]).toMatchObject({ authorization: `Bearer ${KEY}`, known: undefined });
    expect(door.requests.at(-1)?.known).toMatchObject({ epoch: 0, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(receipts).toEqual(door.ids);
    const files = readdirSync(spoolDir, { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      expect(readFileSync(join(file.parentPath, file.name), 'latin1')).not.toContain(KEY);
      expect(statSync(join(file.parentPath, file.name)).mode & 0o777).toBe(0o600);
    }
    for (const folder of files.filter((entry) => entry.isDirectory())) {
      expect(statSync(join(folder.parentPath, folder.name)).mode & 0o777).toBe(0o700);
    }
  });

  it('rejects wrong arguments, all at once, without the key in the message', async () => {
    const wrong = start({ url: 'ftp://x', apiKey: 'two words', runId: 'mine', drain_s: -1, caFile: '/nowhere' });
    await expect(wrong).rejects.toThrow(/http.*key.*UUID|UUID.*http.*/s);
    await expect(wrong).rejects.toMatchObject({ name: 'ConfigError', faults: { length: 5 } });
    await expect(wrong).rejects.not.toThrow(/two words/);
    await expect(start({ url: 'http://me:pass@host/' })).rejects.toThrow(/credentials/);
    await expect(start({ experiment: 'x\0y' })).rejects.toThrow(/experiment/);
    expect(readdirSync(spoolDir)).toEqual([]);
  });

  it('starts and ends without a server, says so once, and keeps everything', async () => {
    const run = await start({ url: `http://127.0.0.1:${await findFreePort()}`, drain_s: 0.2 });
    run.logMetrics({ loss: 1 }, { step: 1 });
    const delivery = await run.finish();
    expect(delivery).toMatchObject({ complete: false, spooled: 4 });
    expect(said).toEqual([
      expect.stringContaining('ECONNREFUSED'),
      expect.stringContaining('4 events are still spooled'),
    ]);
  });

  it('records to the spool only where there is no key', async () => {
    const run = await startRun({ url: door.url, experiment: 'x', spoolDir, say: (line) => said.push(line) });
    expect(await run.finish()).toMatchObject({ complete: false, spooled: 3 });
    expect(said[0]).toMatch(/no RUNSEAL_API_KEY/);
    expect(door.requests).toEqual([]);
  });

  it('attaches to a run with an attempt of its own', async () => {
    const id = '01936b6e-1111-7000-8000-000000000000';
    const run = await start({ runId: id, resumes: { attempt: null, step: 300 } });
    await run.finish();
    expect(typesOf(door.sealed)).toEqual(['run.attempt-started', 'run.finished']);
    expect(door.sealed[0]).toMatchObject({ stream: `run/${id}`, payload: { resumes: { step: 300 } } });
  });

  it('tells how it failed', async () => {
    const run = await start();
    await run.fail(new RangeError('out of\0 memory'), { exit_code: 1 });
    expect(door.sealed.at(-1)).toMatchObject({
      type: 'run.failed',
      payload: { error: { type: 'RangeError', message: 'out of memory' }, exit_code: 1, signal: null },
    });
  });

  it('never throws into the caller, whatever it is given, and records the rest', async () => {
    const run = await start();
    const hostile = {
      get kind(): never {
        throw new Error('a getter');
      },
    };
    run.logMetrics(null as never, null as never);
    run.logMetrics({ loss: 'high' }, { step: 1 });
    run.logInput(hostile as never);
    run.logInput(undefined as never);
    run.logParameters(null as never);
    run.logOutput({ role: 'nonsense' as never });
    run.evaluate({} as never);
    run.record({ type: 'no.such-type', payload: {} });
    run.logEnvironment({ versions: { big: 'x'.repeat(300) } });
    run.record({ type: 'run.parameters-recorded', payload: { parameters: 1n } });
    expect(await run.finish({ completed_steps: -5 })).toMatchObject({ complete: true });
    expect(typesOf(door.sealed)).toEqual(['run.started', 'run.attempt-started', 'run.finished']);
    run.logMetrics({ loss: 1 }, { step: 2 });
    expect(said.at(-1)).toMatch(/run has ended/);
    expect(said.filter((line) => line.includes('no.such-type'))).toHaveLength(1);
    expect(readdirSync(join(spoolDir, 'refused')).length).toBeGreaterThan(2);
  });

  it('gathers 200 points to an event, and what gathers less goes out after 5 seconds', async () => {
    const run = await start();
    for (let step = 0; step < 450; step++) run.logMetrics({ loss: 1 }, { step });
    const rowsSealed = () =>
      door.sealed.map(({ payload }) => ('rows' in payload ? payload.rows.length : 0)).filter((count) => count > 0);
    await waitFor('two full events', () => rowsSealed().length === 2);
    const before = Date.now();
    await waitFor('the rest', () => rowsSealed().length === 3, 10_000);
    expect(Date.now() - before).toBeGreaterThan(3000);
    expect(rowsSealed()).toEqual([200, 200, 50]);
    await run.finish();
  }, 20_000);

  it('goes on after 500s, resets and a Retry-After, which it honours', async () => {
    door.faults.push(answer(500), reset, problem(503, 'unavailable'), answer(429, {}, { 'retry-after': '2' }));
    const began = Date.now();
    const run = await start({ drain_s: 30 });
    expect(await run.finish()).toMatchObject({ complete: true });
    expect(Date.now() - began).toBeGreaterThan(2000);
    expect(typesOf(door.sealed)).toEqual(['run.started', 'run.attempt-started', 'run.finished']);
    expect(said).toHaveLength(1);
  }, 40_000);

  it('returns from finish at its deadline when the server hangs', async () => {
    door.always = () => undefined;
    const run = await start({ drain_s: 0.5 });
    const began = Date.now();
    expect(await run.finish()).toMatchObject({ complete: false, spooled: 3 });
    expect(Date.now() - began).toBeLessThan(3000);
  });

  it('hashes a folder in the background and registers it', async () => {
    const out = join(spoolDir, 'out');
    const { mkdirSync } = await import('node:fs');
    mkdirSync(out);
    writeFileSync(join(out, 'adapter.bin'), 'weights');
    const run = await start();
    run.logOutput({ role: 'weights', type: 'lora', path: out }, { hash: true });
    run.saveCheckpoint({ step: 1, path: join(spoolDir, 'missing') }, { hash: true });
    await run.finish();
    const [output, artifact] = ['run.output-recorded', 'artifact.registered'].map((type) =>
      door.sealed.find((event) => event.type === type),
    );
    expect(output?.payload).toMatchObject({ size_bytes: 7, files: [{ path: 'adapter.bin', size_bytes: 7 }] });
    const { digest } = output?.payload as { digest: string };
    expect(artifact).toMatchObject({ stream: `artifact/${digest}`, payload: { form: 'folder', run: run.id } });
    expect(door.sealed.find(({ type }) => type === 'run.checkpoint-saved')?.payload).toMatchObject({ digest: null });
    expect(door.sealed.at(-1)?.type).toBe('run.finished');
    expect(isPayload('run.output-recorded', 1, output?.payload)).toBe(true);
  });

  it('costs a trainer less than 20 microseconds a row in the median', async () => {
    const run = await start();
    const times: number[] = [];
    for (let step = 0; step < 20_000; step++) {
      const began = process.hrtime.bigint();
      run.logMetrics({ loss: 2.1, grad_norm: 0.5, learning_rate: 1e-4, epoch: 0.1 }, { step });
      times.push(Number(process.hrtime.bigint() - began) / 1000);
    }
    times.sort((left, right) => left - right);
    expect(times[times.length / 2]).toBeLessThan(20);
    await run.finish();
    expect(door.sealed.flatMap(({ payload }) => ('rows' in payload ? payload.rows : []))).toHaveLength(20_000);
  });
});
