import { TestServer } from '@runseal/testing';
import { findSeqAt } from './find-seq-at.js';
import { event, request, TestDatabase, type TestLedger } from './test-database.fixture.js';

describe('the newest record at a time', () => {
  let server: TestServer;
  let database: TestDatabase;
  let ledger: TestLedger;
  const start_ms = Date.now();

  beforeAll(async () => {
    server = await TestServer.start(18);
    database = await TestDatabase.open(await server.createDatabase());
    ledger = await database.openLedger();
    // Two sealing services whose clocks differ by up to 15 s.
    for (let batch = 0; batch < 60; batch += 1) {
      const offset_ms = -55_000 + 1_500 * batch + ((batch * 7_919) % 15_000);
      const requests = Array.from({ length: 1 + (batch % 3) }, () => request(event()));
      await ledger.seal(requests, { sealedAt: new Date(start_ms + offset_ms) });
    }
  });
  afterAll(async () => {
    await database?.close();
    await server?.remove();
  });

  it('is the one that a look at all of them finds, though clocks disagree', async () => {
    const times = (await ledger.records()).map(({ envelope }) =>
      Date.parse((JSON.parse(envelope.toString()) as { sealed_at: string }).sealed_at),
    );
    const wanted = new Set<number>();
    for (const time_ms of [...times, ...times.map((time) => time - 1), start_ms + 3_600_000]) {
      const newest = times.findLastIndex((time) => time <= time_ms);
      const found = await findSeqAt(database.ingest, ledger.name, new Date(time_ms));
      expect(found).toBe(newest < 0 ? null : newest);
      wanted.add(newest);
    }
    expect(wanted.size).toBeGreaterThan(10);
  });

  it('is none before the first, in an empty ledger, and where there is no such ledger', async () => {
    expect(await findSeqAt(database.ingest, ledger.name, new Date(0))).toBeNull();
    const empty = await database.createLedger();
    expect(await findSeqAt(database.ingest, empty.name, new Date())).toBeNull();
    expect(await findSeqAt(database.ingest, 'nowhere', new Date())).toBeNull();
  });
});
