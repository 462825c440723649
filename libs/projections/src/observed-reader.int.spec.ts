import type { ReadingState } from '@runseal/messaging';
import { TestServer } from '@runseal/testing';
import { logged, MemoryLedger, started } from './memory-ledger.fixture.js';
import { ObservedReader } from './observed-reader.js';
import { SampleDatabase } from './sample-database.fixture.js';

let server: TestServer;
let database: SampleDatabase;
let ledger: MemoryLedger;
let state: ReadingState;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.remove());
beforeEach(async () => {
  database = await SampleDatabase.open(await server.createDatabase());
  ledger = new MemoryLedger();
  state = { state: 'reading', trouble: null };
});
afterEach(() => database?.close());

const observe = async () => {
  const projector = await database.projector(ledger);
  return { projector, reader: new ObservedReader({ name: 'sample', projector, source: ledger, state: () => state }) };
};

describe('an observed reader', () => {
  it('tells position and lag, in records and in the age of the oldest one not applied', async () => {
    const { projector, reader } = await observe();
    expect(await reader.find()).toEqual({ position: null, lag_records: 0, lag_s: 0, stopped: null, trouble: null });
    const records = ledger.seal([started(1), logged(1, 1), logged(1, 2)]);
    await projector.apply(records.slice(0, 1));
    const oldest_s = (Date.now() - Date.parse('2026-01-26T00:00:01.000Z')) / 1_000;
    const { lag_s, ...more } = await reader.find();
    expect(more).toMatchObject({ position: { epoch: 0, seq: 0 }, lag_records: 2 });
    expect(Math.abs((lag_s ?? 0) - oldest_s)).toBeLessThan(60);
    await projector.apply(records);
    expect(await reader.find()).toMatchObject({ position: { epoch: 0, seq: 2 }, lag_records: 0, lag_s: 0 });
  });

  it('tells that it stopped, where and why, or what keeps it', async () => {
    const { reader } = await observe();
    state = { state: 'reading', trouble: 'the broker is away' };
    expect(await reader.find()).toMatchObject({ stopped: null, trouble: 'the broker is away' });
    state = { state: 'stopped', seq: 7, reason: 'unknown type', cause: 'poison' };
    expect(await reader.find()).toMatchObject({ stopped: { seq: 7, reason: 'unknown type' }, trouble: null });
  });

  it('lets callers wait for what this process applies, and for what another one does', async () => {
    const { projector, reader } = await observe();
    const { projector: elsewhere } = await observe();
    const records = ledger.seal([started(1), logged(1, 1)]);
    const first = reader.waitFor(0, 10_000);
    await projector.apply(records.slice(0, 1));
    expect(await first).toBe(true);
    const second = Promise.all([reader.waitFor(1, 10_000), reader.waitFor(1, 10_000)]);
    await elsewhere.findPosition();
    await elsewhere.apply(records.slice(1));
    expect(await second).toEqual([true, true]);
    expect(await reader.waitFor(1, 0)).toBe(true);
  });

  it('lets nobody wait longer than the limit', async () => {
    const { reader } = await observe();
    const started_ms = performance.now();
    expect(await reader.waitFor(0, 120)).toBe(false);
    const waited_ms = performance.now() - started_ms;
    expect(waited_ms).toBeGreaterThanOrEqual(119);
    expect(waited_ms).toBeLessThan(2_000);
  });
});
