import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { decodeSpoolSegment, fromUtf8, type RetentionClass } from '@runseal/chain';
import type { SubmittedEvent } from '@runseal/contracts';
import { v7 as uuidv7 } from 'uuid';
import { waitFor } from '@runseal/testing';
import { Outbox } from './outbox.js';
import { Recorder } from './recorder.js';
import { Teller } from './say.js';
import { answer, ScriptedDoor } from './scripted-door.fixture.js';
import { Spool, type SpoolOptions } from './spool.js';
import { startRun } from './start-run.js';

const PRODUCER = '6f1c0000-0000-4000-8000-000000000001';
const RUN = '01936b6e-1111-7000-8000-000000000000';
let root: string;
let said: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'runseal-spool-'));
  said = [];
});
afterEach(() => rmSync(root, { recursive: true }));

const open = (options: Partial<SpoolOptions> = {}) =>
  new Spool({
    root,
    producer: PRODUCER,
    url: 'http://one',
    limit_bytes: 1e9,
    othersBytes: 0,
    teller: new Teller((line) => said.push(line)),
    freeAcknowledged: () => 0,
    ...options,
  });
const draft = (bytes = 10) => ({
  id: uuidv7(),
  type: 'run.parameters-recorded' as const,
  version: 1,
  stream: `run/${RUN}`,
  occurred_at: null,
  payload: { attempt: null, parameters: { name: 'x'.repeat(bytes) }, asserted: [] },
});
const stored = (folder = join(root, PRODUCER)): SubmittedEvent[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.seg'))
    .sort((left, right) => parseInt(left) - parseInt(right))
    .flatMap((name) => decodeSpoolSegment(readFileSync(join(folder, name))).bodies)
    .map((body) => JSON.parse(fromUtf8(body)) as SubmittedEvent);

describe('Spool', () => {
  it('lays down meta.json and numbered segments whose entries are the events as submitted', () => {
    const spool = open({ segment_bytes: 1400 });
    const accepted = [1, 2, 3, 4, 5].map(() => spool.accept(draft(200), 'permanent'));
    expect(JSON.parse(readFileSync(join(root, PRODUCER, 'meta.json'), 'utf8'))).toEqual({
      url: 'http://one',
      ledger: null,
      format: 1,
    });
    expect(readdirSync(join(root, PRODUCER)).sort()).toEqual(['0.seg', '1.seg', '2.seg', 'meta.json', 'owner.json']);
    expect(stored()).toEqual(accepted);
    const first = readFileSync(join(root, PRODUCER, '0.seg'));
    const body = Buffer.from(JSON.stringify(accepted[0]));
    expect(first.readUInt32BE(0)).toBe(body.length);
    expect(first.readUInt32BE(4)).toBe(crc32(body));
    expect(first.subarray(8, 8 + body.length)).toEqual(body);
    expect(accepted.map((event) => event?.producer)).toEqual(
      [0, 1, 2, 3, 4].map((seq) => ({ id: PRODUCER, seq, client: 'runseal-js/0.1.0' })),
    );
    spool.close();
  });

  it('names the version of its package as client', () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(open().accept(draft(), 'permanent')?.producer?.client).toBe(`runseal-js/${version}`);
  });

  it('near its limit refuses telemetry first, then logs, then metrics, lifecycle never', () => {
    const spool = open({ limit_bytes: 100_000 });
    const firstRefusal = new Map<RetentionClass, number>();
    for (let round = 0; round < 300; round++) {
      for (const retention of ['telemetry', 'logs', 'metrics', 'permanent'] as const) {
        if (!spool.accept(draft(100), retention) && !firstRefusal.has(retention)) firstRefusal.set(retention, round);
      }
    }
    expect([...firstRefusal.keys()]).toEqual(['telemetry', 'logs', 'metrics']);
    const [telemetry, logs, metrics] = [...firstRefusal.values()] as [number, number, number];
    expect(telemetry).toBeLessThan(logs);
    expect(logs).toBeLessThan(metrics);
    expect(stored()).toHaveLength(spool.count);
    expect(said).toEqual([expect.stringContaining('limit')]);
    spool.close();
  });

  it('deletes what is acknowledged before it refuses anything', () => {
    let freed = 0;
    const spool = open({ limit_bytes: 2000, freeAcknowledged: () => ((freed += 1), 1500) });
    for (let count = 0; count < 8; count++) expect(spool.accept(draft(200), 'metrics')).not.toBeNull();
    expect(freed).toBeGreaterThan(0);
    spool.close();
  });

  it('counts what the other folders of the spool take', () => {
    const spool = open({ limit_bytes: 10_000, othersBytes: 9_999 });
    expect(spool.accept(draft(), 'metrics')).toBeNull();
    expect(spool.accept(draft(), 'permanent')).not.toBeNull();
    spool.close();
  });
});

describe('Outbox', () => {
  it('hands out again, after a kill, only what has no whole line in the ack file', async () => {
    const spool = open();
    const ids = [1, 2, 3].map(() => spool.accept(draft(), 'permanent')?.id as string);
    const receipt = {
      id: ids[0],
      ledger: 'l',
      epoch: 0,
      seq: 7,
      hash: 'a'.repeat(64),
      sealed_at: 'now',
      duplicate: false,
    };
    writeFileSync(
      join(spool.folder, '0.ack'),
      `${JSON.stringify(receipt)}\n${JSON.stringify({ ...receipt, id: ids[1] }).slice(0, 40)}`,
    );
    const outbox = new Outbox(spool.folder);
    const batch = await outbox.read(500, 1e6);
    expect(batch.map(({ event }) => event.id)).toEqual(ids.slice(1));
    expect(outbox.known).toEqual({ epoch: 0, seq: 7, hash: 'a'.repeat(64) });
    outbox.settle(ids.slice(1).map((id, index) => ({ ...receipt, id, seq: 8 + index })));
    expect(await outbox.read(500, 1e6)).toEqual([]);
    expect(await new Outbox(spool.folder).read(500, 1e6)).toEqual([]);
    spool.close();
  });

  it('limits a batch by count and by bytes, and always takes one', async () => {
    const spool = open();
    for (let count = 0; count < 10; count++) spool.accept(draft(1000), 'permanent');
    const outbox = new Outbox(spool.folder);
    expect(await outbox.read(3, 1e6)).toHaveLength(3);
    expect(await outbox.read(500, 3000)).toHaveLength(2);
    expect(await outbox.read(500, 10)).toHaveLength(1);
    spool.close();
  });

  it('deletes settled segments when they are old enough, and never the one that it reads', async () => {
    const spool = open({ segment_bytes: 1400 });
    for (let count = 0; count < 6; count++) spool.accept(draft(200), 'permanent');
    const outbox = new Outbox(spool.folder);
    for (let batch = await outbox.read(500, 1e6); batch.length > 0; batch = await outbox.read(500, 1e6)) {
      outbox.settle(
        batch.map(({ event: { id } }) => ({
          id,
          ledger: 'l',
          epoch: 0,
          seq: 1,
          hash: 'a'.repeat(64),
          sealed_at: '',
          duplicate: false,
        })),
      );
    }
    const week_ms = 7 * 24 * 3600 * 1000;
    expect(outbox.deleteSettled(week_ms, Date.now() + week_ms - 60_000)).toBe(0);
    expect(outbox.deleteSettled(week_ms, Date.now() + week_ms + 60_000)).toBeGreaterThan(1000);
    expect(
      readdirSync(spool.folder)
        .filter((name) => /^\d/.test(name))
        .sort(),
    ).toEqual(['2.ack', '2.seg']);
    spool.close();
  });
});

describe('folders of ended runs', () => {
  const endRun = async (door: ScriptedDoor) => {
    const run = await startRun({
      url: door.url,
      apiKey: 'rsk_a_b',
      experiment: 'x',
      spoolDir: root,
      say: (line) => said.push(line),
    });
    return await run.finish();
  };

  it('go 7 days after their delivery, at the start of a later run, or earlier when the limit is reached', async () => {
    const door = await ScriptedDoor.open();
    const [first, second] = [await endRun(door), await endRun(door)];
    const then = Date.now() / 1000 - 7 * 24 * 3600 - 60;
    utimesSync(join(first.folder!, 'done'), then, then);
    const third = await endRun(door);
    expect(existsSync(first.folder!)).toBe(false);
    expect(existsSync(second.folder!)).toBe(true);
    const run = await startRun({
      url: door.url,
      apiKey: 'rsk_a_b',
      experiment: 'x',
      spoolDir: root,
      spoolLimit_bytes: 4000,
      say: (line) => said.push(line),
    });
    for (let step = 0; step < 300; step++) run.logMetrics({ loss: 1 }, { step });
    expect(existsSync(second.folder!)).toBe(false);
    expect(existsSync(third.folder!)).toBe(false);
    await run.finish();
    await door.close();
  });
});

/** A folder on a file system of that size, or null where this user may not mount. */
function mountSmall(size: string): string | null {
  const at = mkdtempSync(join(tmpdir(), 'runseal-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', at], { stdio: 'ignore' });
    return at;
  } catch {
    rmSync(at, { recursive: true });
    return null;
  }
}
function unmount(at: string): void {
  execFileSync('umount', ['-l', at]);
  rmSync(at, { recursive: true });
}
const probe = mountSmall('64k');
if (probe) unmount(probe);
const onSmallDisk = probe ? it : it.skip;

describe(`a full disk${probe ? '' : ' (skipped: mounting a tmpfs is not permitted here)'}`, () => {
  let small: string;
  let door: ScriptedDoor;
  beforeEach(async () => {
    small = mountSmall('128k') ?? '';
    door = await ScriptedDoor.open();
  });
  afterEach(async () => {
    await door.close();
    if (small) unmount(small);
  });

  onSmallDisk(
    'refuses metrics and counts them, keeps lifecycle in memory, delivers it, and declares the refusals',
    async () => {
      const run = await startRun({
        url: door.url,
        apiKey: 'rsk_a_b',
        experiment: 'x',
        spoolDir: join(small, 'spool'),
        say: (line) => said.push(line),
        drain_s: 20,
      });
      await run.flush();
      writeFileSync(join(small, 'ballast'), Buffer.alloc(20_000));
      door.always = () => undefined;
      let step = 0;
      // Until the disk has been full for a while: 100 rows beyond the first line about it.
      while (step < 5000) run.logMetrics({ loss: 1, text_length: 12345.678, more: step }, { step: step++ });
      expect(said).toEqual([expect.stringMatching(/cannot be written.*ENOSPC/)]);
      for (let count = 0; count < 50; count++) run.logParameters({ name: `${count}`.padEnd(1000) });
      door.always = null;
      const delivery = await run.finish();
      expect(delivery).toMatchObject({ setAside: 0 });
      const rows = door.sealed.flatMap(({ payload }) => ('rows' in payload ? payload.rows : []));
      const declared = door.sealed.flatMap(({ payload }) => ('not_accepted' in payload ? payload.not_accepted : []));
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.length).toBeLessThan(5000);
      expect(declared.every((one) => one.class === 'metrics')).toBe(true);
      expect(declared.reduce((sum, { count }) => sum + count, rows.length)).toBe(5000);
      expect(door.sealed.filter(({ type }) => type === 'run.parameters-recorded')).toHaveLength(50);
      const end = door.sealed.at(-1);
      expect(end?.payload).toMatchObject({ producers: [{ count: door.sealed.length }] });
      expect(new Set(door.sealed.map(({ producer }) => producer?.seq)).size).toBe(door.sealed.length);
    },
    60_000,
  );

  onSmallDisk(
    'leaves no half entry behind and accepts again when there is space',
    async () => {
      const spool = open({ root: small });
      let accepted = 0;
      while (spool.accept(draft(3000), 'metrics')) accepted += 1;
      expect(stored(spool.folder)).toHaveLength(accepted);
      expect(decodeSpoolSegment(readFileSync(join(spool.folder, '0.seg'))).end).toBe('clean');
      const held = spool.accept(draft(3000), 'permanent');
      expect(spool.inMemory.map(({ id }) => id)).toEqual([held?.id]);
      execFileSync('mount', ['-o', 'remount,size=512k', small]);
      await waitFor('the disk is tried again', () => spool.accept(draft(3000), 'metrics'), 15_000);
      expect(spool.inMemory).toEqual([]);
      expect(stored(spool.folder).map(({ producer }) => producer?.seq)).toEqual(
        Array.from({ length: accepted + 2 }, (_, seq) => seq),
      );
      spool.close();
    },
    30_000,
  );

  onSmallDisk('refuses telemetry while logs still fit, and both while metrics still fit', () => {
    const spool = open({ root: small });
    while (spool.accept(draft(3000), 'telemetry')) expect(spool.count).toBeLessThan(100);
    expect(spool.accept(draft(1), 'telemetry')).toBeNull();
    while (spool.accept(draft(300), 'logs')) expect(spool.count).toBeLessThan(1000);
    expect(spool.accept(draft(1), 'logs')).toBeNull();
    expect(spool.accept(draft(1), 'telemetry')).toBeNull();
    const count = spool.count;
    spool.accept(draft(1), 'metrics');
    expect(spool.count).toBe(count + 1);
    spool.close();
  });
});

describe('events that wait in memory', () => {
  it('count once when they go to the disk while they are being sent from memory', async () => {
    const door = await ScriptedDoor.open();
    const blocked = join(root, 'blocked');
    writeFileSync(blocked, 'in the way');
    const config = {
      url: door.url,
      apiKey: 'rsk_a_b',
      spoolDir: blocked,
      spoolLimit_bytes: 1e9,
      drain_ms: 5000,
      say: () => undefined,
    };
    let answerNow: (() => void) | undefined;
    door.faults.push((request, response, seal) => {
      answerNow = () => answer(201, { receipts: seal() })(request, response, seal);
    });
    const recorder = new Recorder(config, RUN, new Teller((line) => said.push(line)));
    const record = (a: number) =>
      recorder.record('run.parameters-recorded', { attempt: null, parameters: { a }, asserted: [] });
    record(1);
    await waitFor('the request', () => answerNow);
    rmSync(blocked);
    mkdirSync(recorder.folder, { recursive: true });
    writeFileSync(join(recorder.folder, 'meta.json'), JSON.stringify({ url: door.url, ledger: null, format: 1 }));
    await waitFor('the disk is tried again', () => record(2) && readdirSync(recorder.folder).includes('0.seg'), 15_000);
    answerNow?.();
    await recorder.drain(5000);
    expect(recorder.spooled).toBe(0);
    expect(door.sealed).toHaveLength(recorder.count);
    door.always = () => undefined;
    record(3);
    expect(recorder.spooled).toBe(1);
    await door.close();
  }, 30_000);
});

describe('a spool that cannot be made', () => {
  it('costs one line, and what the run must not lose is delivered from memory', async () => {
    const door = await ScriptedDoor.open();
    writeFileSync(join(root, 'file'), 'in the way');
    const config = {
      url: door.url,
      apiKey: 'rsk_a_b',
      spoolDir: join(root, 'file', 'spool'),
      spoolLimit_bytes: 1e9,
      drain_ms: 5000,
      say: () => undefined,
    };
    const recorder = new Recorder(config, RUN, new Teller((line) => said.push(line)));
    recorder.record('run.parameters-recorded', { attempt: null, parameters: { a: 1 }, asserted: [] });
    await recorder.drain(5000);
    expect(door.sealed).toHaveLength(1);
    expect(said.filter((line) => line.includes('cannot be written'))).toHaveLength(1);
    await door.close();
  });
});
