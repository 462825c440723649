import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@runseal/testing';
import { answer, ScriptedDoor } from './scripted-door.fixture.js';
import { startRun } from './start-run.js';

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

const start = () =>
  startRun({
    url: door.url,
    apiKey: 'rsk_a_b',
    experiment: 'demo',
    spoolDir,
    drain_s: 10,
    say: (line) => said.push(line),
  });

test('a run is told to be alive, with its attempt', async () => {
  const run = await start();
  await waitFor('two heartbeats', async () => door.beats.length >= 2);
  expect(door.beats[0]).toEqual({
    path: `/v1/runs/${run.id}/heartbeat`,
    body: { attempt: run.attempt, phase: 'train' },
  });
  await run.finish();
});

test('a server that knows no heartbeats gets no second one, and one that does not know the run yet does', async () => {
  door.beatAnswer = answer(404, { code: 'not_found' });
  const run = await start();
  await waitFor('the only heartbeat', async () => door.beats.length === 1);
  door.beatAnswer = answer(404, { code: 'run_unknown' });
  const other = await start();
  await waitFor('two more', async () => door.beats.length === 3);
  expect(door.beats.map(({ path }) => path.split('/')[3])).toEqual([run.id, other.id, other.id]);
  await Promise.all([run.finish(), other.finish()]);
});

test('the wish for an end reaches a loop that asks, is told and recorded, and ends nothing by itself', async () => {
  const alerts = [{ id: 'a', rule: 'nonfinite' }];
  door.beatAnswer = answer(200, { lease_s: 1, alerts, stop: true });
  const run = await start();
  expect(run.stopRequested).toBe(false);
  await waitFor('the wish', async () => run.stopRequested);
  await run.finish();
  expect(said).toEqual(expect.arrayContaining(['alert: nonfinite', expect.stringContaining('run.stopRequested')]));
  const remarks = door.sealed.filter(({ type }) => type === 'run.annotated');
  expect(remarks).toMatchObject([{ payload: { attempt: run.attempt, name: 'stop_requested', value: null } }]);
});
