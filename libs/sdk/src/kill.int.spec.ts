import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { waitFor } from '@runseal/testing';
import { Outbox } from './outbox.js';
import { Teller } from './say.js';
import { answer, problem, reset, resetAfterCommit, ScriptedDoor } from './scripted-door.fixture.js';
import { sendSpool } from './send-spool.js';
import { Sender } from './sender.js';
import { Spool } from './spool.js';
import { hasLiveOwner, writeMeta } from './spool-layout.js';

let door: ScriptedDoor;
let root: string;
beforeEach(async () => {
  door = await ScriptedDoor.open();
  root = mkdtempSync(join(tmpdir(), 'runseal-kill-'));
});
afterEach(async () => {
  await door.close();
  rmSync(root, { recursive: true });
});

const send = (more: object = {}) =>
  sendSpool(root, { url: door.url, apiKey: 'rsk_a_b', drain_s: 20, say: () => undefined, ...more });
const draft = (name: string) => ({
  id: uuidv7(),
  type: 'run.parameters-recorded' as const,
  version: 1,
  stream: 'run/01936b6e-1111-7000-8000-000000000000',
  occurred_at: null,
  payload: { attempt: null, parameters: { name }, asserted: [] },
});
const openSpool = (url: string | null = door.url, segment_bytes = 2000) =>
  new Spool({
    root,
    producer: crypto.randomUUID(),
    url,
    limit_bytes: 1e9,
    othersBytes: 0,
    teller: new Teller(() => undefined),
    freeAcknowledged: () => 0,
    segment_bytes,
  });
/** What a kill does to a process, as far as its folder can tell: nobody owns it any more. */
const isLinux = existsSync('/proc/self/stat');
const whyNot = isLinux ? '' : ' (skipped: there is no /proc)';
(isLinux ? test : test.skip)(`a dead process that nobody has waited for owns no folder${whyNot}`, async () => {
  // What takes the shell's place waits for no child of the shell.
  const parent = spawn('sh', ['-c', 'sleep 1 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = Number(String((await once(parent.stdout, 'data'))[0]));
  const fields = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  writeFileSync(
    join(root, 'owner.json'),
    JSON.stringify({ pid, host: hostname(), started: `${boot}/${fields()[19]}` }),
  );
  expect(hasLiveOwner(root)).toBe(true);
  await waitFor('its death', async () => fields()[0] === 'Z');
  expect(hasLiveOwner(root)).toBe(false);
  parent.kill('SIGKILL');
});

const disown = (spool: Spool) => rmSync(join(spool.folder, 'owner.json'), { force: true });

/** A trainer that tells the id of every event once it has been accepted, as fast as it can. */
const trainer = `
  import { writeSync } from 'node:fs';
  const { startRun } = await import(process.env.SDK);
  const run = await startRun({ experiment: 'killed' });
  for (let count = 0; ; count++) {
    const id = run.record({ type: 'run.parameters-recorded',
      payload: { attempt: run.attempt, parameters: { count, text: 'x'.repeat(count % 2000) }, asserted: [] } });
    writeSync(1, id + '\\n');
    if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }`;
const quitter = `
  const { startRun } = await import(process.env.SDK);
  const run = await startRun({ experiment: 'quits' });
  run.logMetrics({ loss: 1 }, { step: 1 });
  process.exit(3);`;

function spawnNode(script: string, url: string): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: {
      SDK: new URL('../dist/index.js', import.meta.url).href,
      RUNSEAL_URL: url,
      RUNSEAL_API_KEY: 'rsk_a_b',
      RUNSEAL_SPOOL_DIR: root,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function killAfter(child: ChildProcess, lines: number): Promise<string[]> {
  const ids: string[] = [];
  const exited = new Promise((resolve) => child.once('exit', resolve));
  for await (const line of createInterface({ input: child.stdout! })) {
    ids.push(line);
    if (ids.length === lines) child.kill('SIGKILL');
  }
  await exited;
  return ids.filter((id) => id.length === 36);
}

describe('a trainer killed by SIGKILL', () => {
  it.each([1, 40, 700, 3000])(
    'loses nothing that it was told is accepted (killed after %i events)',
    async (lines) => {
      const accepted = await killAfter(spawnNode(trainer, door.url), lines);
      const results = await send();
      expect(results).toMatchObject([{ outcome: 'delivered', pending: 0, setAside: 0 }]);
      const sealed = new Set(door.ids);
      expect(accepted.length).toBeGreaterThanOrEqual(lines);
      expect(accepted.filter((id) => !sealed.has(id))).toEqual([]);
      expect(sealed.size).toBe(door.sealed.length);
      expect(door.sealed.map(({ producer }) => producer?.seq)).toEqual(door.sealed.map((_, index) => index));
    },
    30_000,
  );

  it('is recognised as alive before that, and its folder left alone', async () => {
    const child = spawnNode(trainer, 'http://127.0.0.1:9');
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    expect(await send({ url: 'http://127.0.0.1:9' })).toMatchObject([{ outcome: 'live', delivered: 0 }]);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
    expect(await send()).toMatchObject([{ outcome: 'other_url', detail: 'http://127.0.0.1:9' }]);
    expect(door.requests).toEqual([]);
  });
});

describe('a trainer that exits without finish', () => {
  it('still spools the rows that waited in memory', async () => {
    const child = spawnNode(quitter, 'http://127.0.0.1:9');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(3);
    const [producer] = readdirSync(root);
    writeMeta(join(root, producer!), { url: door.url, ledger: null, format: 1 });
    await send();
    expect(door.sealed.map(({ type }) => type)).toEqual(['run.started', 'run.attempt-started', 'run.metrics-logged']);
  });
});

describe('a process that has nothing more to do', () => {
  it('ends by itself, with a server that is away and rows in memory', async () => {
    const idle = `
      const { startRun } = await import(process.env.SDK);
      const run = await startRun({ experiment: 'idle', say: () => undefined });
      run.logMetrics({ loss: 1 }, { step: 1 });`;
    const began = Date.now();
    const child = spawnNode(idle, 'http://127.0.0.1:9');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    expect(Date.now() - began).toBeLessThan(4000);
  });

  it('records nothing and makes no folder where recording is disabled', async () => {
    const disabled = `
      process.env.RUNSEAL_DISABLED = '1';
      const { startRun } = await import(process.env.SDK);
      const run = await startRun();
      run.logMetrics({ loss: 1 }, { step: 1 });
      const { complete, folder } = await run.finish();
      process.exitCode = complete && folder === null ? 7 : 1;`;
    const child = spawnNode(disabled, door.url);
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(7);
    expect(readdirSync(root)).toEqual([]);
    expect(door.requests).toEqual([]);
  });
});

describe('sendSpool', () => {
  it('cuts a torn entry off, counts it, and delivers everything before it', async () => {
    const spool = openSpool();
    const ids = ['a', 'b', 'c'].map((name) => spool.accept(draft(name), 'permanent')?.id);
    spool.close();
    disown(spool);
    const last = join(spool.folder, '0.seg');
    truncateSync(last, statSync(last).size - 5);
    expect(await send()).toMatchObject([{ outcome: 'delivered', delivered: 2, torn: 1, pending: 0 }]);
    expect(door.ids).toEqual(ids.slice(0, 2));
    expect(await send()).toMatchObject([{ torn: 0, delivered: 0 }]);
  });

  it.each([
    ['a damaged body', (bytes: Buffer) => bytes.fill(0x41, bytes.length - 20)],
    ['a tail of zeros', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(4096)])],
    ['a length beyond the end', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('ffffffff00000000', 'hex')])],
  ])('gets over %s', async (_name, damage) => {
    const spool = openSpool();
    spool.accept(draft('a'), 'permanent');
    spool.accept(draft('b'), 'permanent');
    spool.close();
    disown(spool);
    const path = join(spool.folder, '0.seg');
    const damaged = damage(readFileSync(path));
    truncateSync(path, 0);
    appendFileSync(path, damaged);
    const [result] = await send();
    expect(result).toMatchObject({ outcome: 'delivered', torn: 1, pending: 0 });
    expect(door.sealed.length).toBeGreaterThanOrEqual(1);
    expect(existsSync(`${path}.torn`)).toBe(true);
  });

  it('binds a folder that was recorded without a server to the one given, and to that only', async () => {
    const spool = openSpool(null);
    spool.accept(draft('a'), 'permanent');
    spool.close();
    disown(spool);
    expect(await send()).toMatchObject([{ outcome: 'delivered', delivered: 1 }]);
    expect(await send({ url: 'http://other' })).toMatchObject([{ outcome: 'other_url' }]);
    expect(JSON.parse(readFileSync(join(spool.folder, 'meta.json'), 'utf8'))).toEqual({
      url: door.url,
      ledger: 'default',
      format: 1,
    });
  });

  it('sets a poison event aside and declares it with the next counter of the dead producer', async () => {
    const spool = openSpool();
    const ids = ['a', 'poison', 'c'].map((name) => spool.accept(draft(name), 'permanent')?.id);
    spool.close();
    disown(spool);
    door.faults.push(problem(400, 'secret_detected', { errors: [{ index: 1 }] }));
    expect(await send()).toMatchObject([{ outcome: 'delivered', setAside: 1, pending: 0 }]);
    expect(door.ids.slice(0, 2)).toEqual([ids[0], ids[2]]);
    expect(door.sealed[2]).toMatchObject({
      type: 'run.events-dropped',
      producer: { seq: 3 },
      payload: { set_aside: [{ id: ids[1], producer: { seq: 1 }, code: 'secret_detected' }] },
    });
    expect(existsSync(join(root, 'refused', `${ids[1]}.json`))).toBe(true);
  });

  it('keeps everything on 401 and says so', async () => {
    const spool = openSpool();
    spool.accept(draft('a'), 'permanent');
    spool.close();
    disown(spool);
    door.always = problem(401, 'unauthenticated');
    expect(await send()).toMatchObject([{ outcome: 'held', pending: 1 }]);
    door.always = null;
    expect(await send()).toMatchObject([{ outcome: 'delivered', pending: 0 }]);
  });

  it('sends acknowledged events again from a kept size on, and deletes a folder 7 days after its last receipt', async () => {
    const spool = openSpool();
    for (const name of ['a', 'b', 'c']) spool.accept(draft(name), 'permanent');
    spool.close();
    disown(spool);
    await send();
    const before = [...door.ids];
    door.restore(1);
    expect(await send({ again: { epoch: 1, keptSize: 1 } })).toMatchObject([{ delivered: 2 }]);
    expect(door.ids).toEqual(before);
    const week_s = 7 * 24 * 3600;
    for (const [age_s, outcome] of [
      [week_s - 60, 'delivered'],
      [week_s + 60, 'deleted'],
    ] as const) {
      const then = Date.now() / 1000 - age_s;
      for (const name of readdirSync(spool.folder)) utimesSync(join(spool.folder, name), then, then);
      expect(await send()).toMatchObject([{ outcome }]);
    }
    expect(existsSync(spool.folder)).toBe(false);
  });

  it('counts what waits everywhere when the server is away, without trying folder after folder', async () => {
    for (const name of ['a', 'b', 'c']) {
      const spool = openSpool();
      spool.accept(draft(name), 'permanent');
      spool.close();
      disown(spool);
    }
    door.always = answer(503);
    const results = await send({ drain_s: 0 });
    expect(results.map(({ outcome, pending }) => `${outcome} ${pending}`)).toEqual(Array(3).fill('waiting 1'));
    expect(door.requests).toHaveLength(1);
  });

  it('tells of a folder that it cannot read and goes on with the others', async () => {
    const broken = openSpool();
    const sound = openSpool();
    sound.accept(draft('a'), 'permanent');
    for (const spool of [broken, sound]) disown(spool);
    writeMeta(broken.folder, { url: door.url, ledger: null, format: 2 as 1 });
    const results = await send();
    expect(results.find(({ producer }) => broken.folder.endsWith(producer))).toMatchObject({ outcome: 'unreadable' });
    expect(door.sealed).toHaveLength(1);
  });
});

describe('nothing accepted is lost or doubled', () => {
  type Step = { kind: 'accept'; count: number } | { kind: 'send'; faults: number[] } | { kind: 'kill'; tear: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('accept' as const), count: fc.integer({ min: 1, max: 30 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('send' as const),
        faults: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill' as const), tear: fc.integer({ min: 0, max: 40 }) }) },
  );
  const faults = [
    reset,
    resetAfterCommit,
    answer(500),
    problem(503, 'unavailable'),
    problem(401, 'unauthenticated'),
    answer(201, { receipts: [] }),
  ];

  it('for any interleaving of accepting, faulty sending, kills and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        rmSync(root, { recursive: true, force: true });
        await door.close();
        door = await ScriptedDoor.open();
        const accepted: string[] = [];
        let spool = openSpool();
        let sender = senderOf(spool);
        for (const one of steps) {
          if (one.kind === 'accept') {
            for (let count = 0; count < one.count; count++) {
              const event = spool.accept(draft('x'.repeat(count * 10)), 'permanent');
              if (event) accepted.push(event.id);
            }
          } else if (one.kind === 'send') {
            door.faults.splice(0, Infinity, ...one.faults.map((index) => faults[index]!));
            await sender.sendAll();
          } else {
            tear(spool, one.tear);
            spool = openSpool();
            sender = senderOf(spool);
          }
        }
        door.faults.splice(0);
        tear(spool, 0);
        const results = await send();
        expect(results.every(({ outcome, pending }) => outcome !== 'waiting' && pending === 0)).toBe(true);
        expect([...door.ids].sort()).toEqual([...accepted].sort());
        for (const { producer } of results) {
          const seqs = door.sealed
            .filter((event) => event.producer?.id === producer)
            .map((event) => event.producer?.seq);
          expect(seqs).toEqual(seqs.map((_, index) => index));
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  function senderOf(spool: Spool): Sender {
    const context = { root, door: { url: door.url, apiKey: 'rsk_a_b' }, teller: new Teller(() => undefined) };
    return new Sender({ ...context, outbox: new Outbox(spool.folder), declare: () => undefined });
  }

  /** A kill in the middle of writing an entry and of writing receipts: half of each at the end of its file. */
  function tear(spool: Spool, bytes: number): void {
    disown(spool);
    const segments = readdirSync(spool.folder).filter((name) => name.endsWith('.seg'));
    const newest = Math.max(-1, ...segments.map((name) => parseInt(name)));
    if (newest < 0 || bytes === 0) return;
    const half = Buffer.concat([Buffer.from([0, 0, 1, 0, 1, 2, 3, 4]), Buffer.alloc(40, '{')]);
    appendFileSync(join(spool.folder, `${newest}.seg`), half.subarray(0, bytes));
    appendFileSync(join(spool.folder, `${newest}.ack`), '{"id":"01936b6e'.slice(0, bytes));
  }
});
