import { TestServer } from '@runseal/testing';
import { readHeaders, readRecords, streamRecords } from './read-records.js';
import { event, payloadOf, request, TestDatabase, type TestLedger } from './test-database.fixture.js';

describe('reading records', () => {
  let server: TestServer;
  let database: TestDatabase;
  let ledger: TestLedger;

  beforeAll(async () => {
    server = await TestServer.start(18);
    database = await TestDatabase.open(await server.createDatabase());
  });
  beforeEach(async () => {
    ledger = await database.openLedger();
    await ledger.seal(Array.from({ length: 9 }, () => request(event())));
  });
  afterAll(async () => {
    await database.close();
    await server.remove();
  });

  const seqsFrom = async (from: number, limit: number, to?: number) =>
    (await readRecords(database.ingest, { ledger: ledger.name, from, limit, ...(to === undefined ? {} : { to }) })).map(
      ({ seq }) => seq,
    );
  const removeBetween = (from: number, to: number) =>
    database.superuser.query(
      `delete from ledger.records r using ledger.ledgers l
       where l.ledger = r.ledger and l.name = $1 and r.seq between $2 and $3`,
      [ledger.name, from, to],
    );

  it('gives pages that follow one another, and none past the end', async () => {
    expect(await seqsFrom(0, 4)).toEqual([0, 1, 2, 3]);
    expect(await seqsFrom(4, 4)).toEqual([4, 5, 6, 7]);
    expect(await seqsFrom(8, 4)).toEqual([8, 9]);
    expect(await seqsFrom(10, 4)).toEqual([]);
    expect(await seqsFrom(2, 100, 5)).toEqual([2, 3, 4]);
  });

  it('looks beyond a gap that is wider than a page, for records and for headers', async () => {
    await removeBetween(2, 7);
    expect(await seqsFrom(0, 2)).toEqual([0, 1]);
    expect(await seqsFrom(2, 2)).toEqual([8, 9]);
    expect(await seqsFrom(2, 2, 7)).toEqual([]);
    expect((await readHeaders(database.ingest, ledger.name, 2, 100)).map(({ seq }) => seq)).toEqual([8, 9]);
  });

  it('ends a page early beyond 8 MB of payloads, and streams all the same', async () => {
    const large = () => request(event({ payload: payloadOf({ text: 'x'.repeat(700_000) }) }));
    for (let batch = 0; batch < 2; batch++) await ledger.seal(Array.from({ length: 8 }, large));
    const page = await seqsFrom(10, 100);
    expect(page.length).toBeGreaterThan(8);
    expect(page.length).toBeLessThan(16);
    const all: number[] = [];
    for await (const part of streamRecords(database.ingest, { ledger: ledger.name, from: 0 })) {
      all.push(...part.map(({ seq }) => seq));
    }
    expect(all).toEqual(Array.from({ length: 26 }, (_, seq) => seq));
  });
});
