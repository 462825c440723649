import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SubmittedEvent } from '@runseal/contracts';
import { waitFor } from '@runseal/testing';
import { answer, problem, resetAfterCommit, ScriptedDoor, type Fault } from './scripted-door.fixture.js';
import { startRun, type StartRunOptions } from './start-run.js';
import type { Run } from './run.js';

let door: ScriptedDoor;
let spoolDir: string;
let said: string[];

beforeEach(async () => {
  door = await ScriptedDoor.open();
  spoolDir = mkdtempSync(join(tmpdir(), 'runseal-sender-'));
  said = [];
});
afterEach(async () => {
  await door.close();
  rmSync(spoolDir, { recursive: true });
});

const start = (options: StartRunOptions = {}) =>
  startRun({
    url: door.url,
    apiKey: 'rsk_a_b',
    experiment: 'x',
    spoolDir,
    drain_s: 30,
    say: (line) => said.push(line),
    ...options,
  });
const record = (run: Run, name: string) =>
  run.record({
    type: 'run.parameters-recorded',
    payload: { attempt: run.attempt, parameters: { name }, asserted: [] },
  }) as string;
const nameOf = ({ payload }: SubmittedEvent) =>
  'parameters' in payload ? (payload.parameters['name'] as string) : null;
const names = () => door.sealed.map(nameOf).filter((name) => name !== null);
const dropped = () => door.sealed.flatMap(({ payload }) => ('set_aside' in payload ? payload.set_aside : []));
const refusedFiles = () => readdirSync(join(spoolDir, 'refused'));
const acks = () =>
  readdirSync(spoolDir, { recursive: true })
    .filter((name) => String(name).endsWith('.ack'))
    .flatMap((name) =>
      readFileSync(join(spoolDir, String(name)), 'utf8')
        .trim()
        .split('\n'),
    );

/** Refuses any request with a poisoned event, naming it only where `names` says so; seals the others as usual. */
const poisoned =
  (status: number, code: string, namesIt: boolean): Fault =>
  (request, response, seal) => {
    const errors = request.events.flatMap((event, index) =>
      nameOf(event) === 'poison' ? [{ index, path: '/payload', found: 'poison', wanted: 'none' }] : [],
    );
    if (errors.length > 0) return problem(status, code, namesIt ? { errors } : {})(request, response, seal);
    answer(201, { receipts: seal() })(request, response, seal);
  };

describe('sending', () => {
  it('sets one poison event among 10,000 aside, named or not, and seals the rest in order', async () => {
    for (const namesIt of [true, false]) {
      door.always = poisoned(400, 'invalid_payload', namesIt);
      const run = await start();
      const before = door.sealed.length;
      let poison = '';
      for (let index = 0; index < 10_000; index++) {
        const id = record(run, index === 6789 ? 'poison' : `${namesIt} ${index}`);
        if (index === 6789) poison = id;
      }
      expect(await run.finish()).toMatchObject({ complete: true, setAside: 1 });
      const sealed = door.sealed.slice(before);
      const kept = Array.from({ length: 10_000 }, (_, index) => `${namesIt} ${index}`).filter((_, i) => i !== 6789);
      expect(sealed.map(nameOf).filter((name) => name !== null)).toEqual(kept);
      const producer = { id: sealed[0]?.producer?.id, seq: 6791 };
      expect(dropped().at(-1)).toEqual({
        id: poison,
        type: 'run.parameters-recorded',
        producer,
        code: 'invalid_payload',
      });
      const file = JSON.parse(readFileSync(join(spoolDir, 'refused', `${poison}.json`), 'utf8'));
      expect(file).toMatchObject({
        code: 'invalid_payload',
        problem: { status: 400 },
        event: { id: poison, producer },
      });
    }
    expect(Math.max(...door.requests.map(({ events }) => events.length))).toBe(500);
    expect(Math.max(...door.requests.map(({ bytes }) => bytes))).toBeLessThanOrEqual(5 * 1024 * 1024);
  }, 60_000);

  it.each([
    [413, 'too_large'],
    [409, 'event_id_conflict'],
    [409, 'version_conflict'],
  ])('sets the event behind a %i %s aside and sends the rest', async (status, code) => {
    door.always = poisoned(status, code, false);
    const run = await start();
    for (const name of ['a', 'b', 'poison', 'c']) record(run, name);
    expect(await run.finish()).toMatchObject({ complete: true, setAside: 1 });
    expect(names()).toEqual(['a', 'b', 'c']);
    expect(dropped()).toMatchObject([{ code }]);
    expect(refusedFiles()).toHaveLength(1);
  });

  it('splits a request that a proxy finds too large', async () => {
    door.always = (request, response, seal) => {
      if (request.bytes > 20_000) response.writeHead(413).end('<html>too large</html>');
      else answer(201, { receipts: seal() })(request, response, seal);
    };
    const run = await start();
    for (let index = 0; index < 300; index++) record(run, String(index));
    expect(await run.finish()).toMatchObject({ complete: true, setAside: 0 });
    expect(names()).toEqual(Array.from({ length: 300 }, (_, index) => String(index)));
  });

  it('does not declare a refused declaration again', async () => {
    door.always = (request, response, seal) => {
      const index = request.events.findIndex(
        (event) => nameOf(event) === 'poison' || event.type === 'run.events-dropped',
      );
      if (index >= 0) problem(400, 'invalid_payload', { errors: [{ index }] })(request, response, seal);
      else answer(201, { receipts: seal() })(request, response, seal);
    };
    const run = await start();
    record(run, 'poison');
    expect(await run.finish()).toMatchObject({ complete: true, setAside: 2 });
    expect(refusedFiles()).toHaveLength(2);
  });

  it('sends again what was sealed behind a lost answer, and takes the first receipt', async () => {
    door.faults.push(resetAfterCommit);
    const run = await start();
    record(run, 'a');
    expect(await run.finish()).toMatchObject({ complete: true });
    expect(door.duplicates).toBeGreaterThan(0);
    expect(new Set(door.ids).size).toBe(door.sealed.length);
    expect(acks().some((line) => JSON.parse(line).duplicate === true)).toBe(true);
  });

  it.each([
    [401, 'unauthenticated'],
    [403, 'forbidden'],
    [409, 'ledger_rewound'],
  ])(
    'keeps everything on %i %s, says one line, does not make finish wait, and goes on when it has passed',
    async (status, code) => {
      door.always = problem(status, code);
      const run = await start();
      record(run, 'a');
      await waitFor('the line', () => said.length > 0);
      const began = Date.now();
      expect(await run.flush()).toMatchObject({ complete: false, spooled: 3 });
      record(run, 'b');
      expect(await run.flush()).toMatchObject({ complete: false, spooled: 4 });
      expect(Date.now() - began).toBeLessThan(5000);
      expect(said).toHaveLength(1);
      door.always = null;
      expect(await run.finish()).toMatchObject({ complete: true, setAside: 0 });
      expect(names()).toEqual(['a', 'b']);
    },
  );

  it('sends again what a restore lost, from the kept size on, and then goes on', async () => {
    const run = await start();
    for (const name of ['a', 'b', 'c', 'd']) record(run, name);
    await run.flush();
    const before = [...door.ids];
    door.restore(4);
    door.faults.push(problem(409, 'epoch_changed', { epoch: 1, kept_size: 4 }));
    record(run, 'e');
    await run.flush();
    expect(await run.finish()).toMatchObject({ complete: true });
    expect(door.ids.slice(0, before.length)).toEqual(before);
    expect(names()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(said).toEqual([expect.stringContaining('2 events are sent again')]);
    const known = door.requests.map((request) => request.known);
    expect(known.at(-1)).toMatchObject({ epoch: 1 });
    // The lost receipt is not claimed again: the request after the change names the newest that was kept.
    expect(known.findLast((one) => one?.epoch === 0)?.seq).toBeLessThan(4);
  });

  it('sends only the rest again when an outage meets a request that had to be split', async () => {
    let isDown = false;
    door.always = (request, response, seal) => {
      if (isDown) return answer(503)(request, response, seal);
      if (request.events.length > 1) return problem(400, 'invalid_payload')(request, response, seal);
      isDown = door.sealed.length === 4;
      answer(201, { receipts: seal() })(request, response, seal);
    };
    const run = await start();
    for (let index = 0; index < 20; index++) record(run, String(index));
    await waitFor('the outage', () => isDown && door.requests.length > 6);
    door.always = null;
    expect(await run.finish()).toMatchObject({ complete: true, setAside: 0 });
    expect(names()).toEqual(Array.from({ length: 20 }, (_, index) => String(index)));
    expect(door.duplicates).toBe(0);
  });

  it('does not come back before the time that the server named, not even for finish', async () => {
    door.faults.push(answer(429, {}, { 'retry-after': '2' }));
    const run = await start();
    await waitFor('the line', () => said.length > 0);
    const began = Date.now();
    expect(await run.finish()).toMatchObject({ complete: true });
    expect(Date.now() - began).toBeGreaterThan(1500);
  });

  it('follows no redirect, so that the key is shown to nobody else', async () => {
    const other = await ScriptedDoor.open();
    door.faults.push(answer(307, {}, { location: `${other.url}/v1/events` }));
    const run = await start();
    expect(await run.finish()).toMatchObject({ complete: true });
    expect(other.requests).toEqual([]);
    await other.close();
  });
});
