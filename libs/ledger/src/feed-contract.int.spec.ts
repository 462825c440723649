import { KafkaFeed, KafkaPublisher, PoisonRecordError, type Feed, type Reading } from '@runseal/messaging';
import { TestTopic } from '@runseal/messaging/testing';
import { describeWithKafka, findFreePort, findKafka, TestKafka, TestServer, waitFor } from '@runseal/testing';
import { limits } from '@runseal/contracts';
import { LedgerFeed } from './ledger-feed.js';
import { LedgerRecordSource } from './record-source.js';
import { TableReader } from './table-reader.fixture.js';
import { event, payloadOf, request, TestDatabase, type TestLedger } from './test-database.fixture.js';

const kafkaFound = await findKafka();
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

let server: TestServer;
let database: TestDatabase;
let ledger: TestLedger;
let readers = 0;
const readings: Reading[] = [];

beforeAll(async () => {
  server = await TestServer.start(18);
  database = await TestDatabase.open(await server.createDatabase());
  await TableReader.createTables(database.superuser);
});
beforeEach(async () => {
  ledger = await database.openLedger();
});
afterEach(async () => {
  await Promise.all(readings.splice(0).map((reading) => reading.stop()));
});
afterAll(async () => {
  await database.close();
  await server.remove();
});

const seal = (count: number) => ledger.seal(Array.from({ length: count }, () => request(event())));
const newReader = (name = `reader-${++readers}`) => new TableReader(database.superuser, ledger.name, name);
const hasRead = (reader: TableReader, seq: number) =>
  waitFor(`record ${seq} in ${reader.name}`, async () => (await reader.newest()) >= seq, 40_000);

async function start(feed: Feed, reader: TableReader): Promise<Reading> {
  const reading = await feed.start(reader);
  readings.push(reading);
  return reading;
}

/** How sealed records come to where a feed reads them. */
interface Carrier {
  feed(): Feed;
  carry(from: number, to: number): Promise<void>;
}

function contract(carrier: () => Carrier): void {
  it('brings every record once and in order, while more are sealed', async () => {
    const reader = newReader();
    await start(carrier().feed(), reader);
    for (let round = 0; round < 5; round++) {
      await seal(40);
      await carrier().carry(1 + 40 * round, 41 + 40 * round);
    }
    await hasRead(reader, 200);
    expect(await reader.seqs()).toEqual(range(0, 201));
  });

  it('brings nothing again that comes twice', async () => {
    const reader = newReader();
    await seal(20);
    await start(carrier().feed(), reader);
    await carrier().carry(0, 21);
    await carrier().carry(5, 21);
    await carrier().carry(0, 21);
    await seal(1);
    await carrier().carry(21, 22);
    await hasRead(reader, 21);
    expect(await reader.seqs()).toEqual(range(0, 22));
  });

  it('fills a jump from the ledger', async () => {
    const reader = newReader();
    await start(carrier().feed(), reader);
    await hasRead(reader, 0);
    await seal(500);
    await seal(200);
    await carrier().carry(700, 701);
    await hasRead(reader, 700);
    expect(await reader.seqs()).toEqual(range(0, 701));
  });

  it('goes on from the position after a restart', async () => {
    const first = newReader();
    const reading = await start(carrier().feed(), first);
    await seal(10);
    await carrier().carry(0, 11);
    await hasRead(first, 10);
    await reading.stop();
    await seal(10);
    await carrier().carry(11, 21);
    const second = newReader(first.name);
    await start(carrier().feed(), second);
    await hasRead(second, 20);
    expect(await second.seqs()).toEqual(range(0, 21));
  });

  it('stops at a record that the reader can never apply, and names its seq', async () => {
    const reader = newReader();
    reader.before = (records) => {
      if (records.some(({ seq }) => seq === 7)) throw new PoisonRecordError(7, 'unknown type');
    };
    const reading = await start(carrier().feed(), reader);
    await seal(12);
    await carrier().carry(0, 13);
    await waitFor('the stop', () => reading.state().state === 'stopped');
    expect(reading.state()).toEqual({
      state: 'stopped',
      seq: 7,
      reason: 'Record 7 cannot be applied: unknown type',
      cause: 'poison',
    });
    expect(await reader.seqs()).toEqual(range(0, 7));
  });

  it('stops at a record that was changed in the ledger', async () => {
    const reader = newReader();
    await seal(12);
    await database.superuser.query(
      `update ledger.payloads p set payload = '{"loss":1}' from ledger.ledgers l
       where l.ledger = p.ledger and l.name = $1 and p.seq = 9`,
      [ledger.name],
    );
    const reading = await start(carrier().feed(), reader);
    await carrier().carry(0, 13);
    await waitFor('the stop', () => reading.state().state === 'stopped');
    expect(reading.state()).toMatchObject({ seq: 9, cause: 'poison' });
    expect(await reader.seqs()).toEqual(range(0, 9));
  });

  it('lets only one of two readers apply: the one that was held up is refused, and nothing comes twice', async () => {
    const slow = newReader();
    const released = Promise.withResolvers<void>();
    let isHeld = false;
    slow.before = () => {
      isHeld = true;
      return released.promise;
    };
    await seal(30);
    await start(carrier().feed(), slow);
    await carrier().carry(0, 31);
    await waitFor('the batch in the slow reader', () => isHeld);
    const quick = newReader(slow.name);
    await start(carrier().feed(), quick);
    await hasRead(quick, 30);
    slow.before = () => undefined;
    released.resolve();
    await waitFor('the refusal', () => slow.refused > 0);
    await seal(5);
    await carrier().carry(31, 36);
    await hasRead(quick, 35);
    expect(await quick.seqs()).toEqual(range(0, 36));
  });
}

describe('the feed straight from the ledger', () => {
  contract(() => ({
    feed: () => new LedgerFeed({ pool: database.ingest, url: database.urlAs('runseal_ingest'), poll_ms: 50 }),
    carry: async () => {
      await database.ingest.query(`select pg_notify('runseal_sealed', $1)`, [ledger.name]);
    },
  }));
});

describe('the feed over Kafka, where there is none', () => {
  it('says so, reads from the ledger now and then, and ends when told', async () => {
    await seal(5);
    const reader = newReader();
    const reading = await start(
      new KafkaFeed({
        brokers: [`127.0.0.1:${await findFreePort()}`],
        source: new LedgerRecordSource(database.ingest),
        patrol_ms: 100,
      }),
      reader,
    );
    await hasRead(reader, 5);
    await waitFor('trouble', () => (reading.state() as { trouble: string | null }).trouble?.startsWith('Kafka: '));
    await seal(1);
    await hasRead(reader, 6);
    expect(await reader.seqs()).toEqual(range(0, 7));
    const stopped = performance.now();
    await reading.stop();
    expect(performance.now() - stopped).toBeLessThan(5_000);
  }, 30_000);
});

describeWithKafka('the feed over Kafka', kafkaFound, () => {
  let kafka: TestKafka;
  let topic: TestTopic;
  let publisher: KafkaPublisher;

  beforeAll(async () => {
    kafka = await TestKafka.start();
    topic = await TestTopic.create({ brokers: kafka.brokers });
    publisher = new KafkaPublisher({ brokers: kafka.brokers, recordsTopic: topic.name });
  }, 120_000);
  afterAll(async () => {
    await publisher?.close();
    await kafka?.remove();
  });

  const feed = () =>
    new KafkaFeed({
      brokers: kafka.brokers,
      source: new LedgerRecordSource(database.ingest),
      topic: topic.name,
      session_ms: 2_000,
      rebalance_ms: 2_000,
      patrol_ms: 600_000, // what Kafka does not bring must be missed here
    });
  const carry = async (from: number, to: number) =>
    publisher.publishRecords(await new LedgerRecordSource(database.ingest).read(ledger.name, from, to - from));

  contract(() => ({ feed, carry }));

  it('has at once what was sealed before, though the topic never held it', async () => {
    await seal(40);
    const reader = newReader();
    await start(feed(), reader);
    await hasRead(reader, 40);
    expect(await reader.seqs()).toEqual(range(0, 41));
  });

  it('has all that the topic no longer holds', async () => {
    await seal(40);
    await carry(0, 41);
    await topic.forget(ledger.name);
    await seal(5);
    await carry(41, 46);
    const reader = newReader();
    await start(feed(), reader);
    await hasRead(reader, 45);
    expect(await reader.seqs()).toEqual(range(0, 46));
  });

  it('is not held up by messages that are no records', async () => {
    const reader = newReader();
    await start(feed(), reader);
    await hasRead(reader, 0);
    await seal(3);
    await topic.send([
      { key: ledger.name, value: 'nonsense' },
      { key: ledger.name, value: '{"seq":1}' },
      { key: ledger.name, value: null },
    ]);
    await hasRead(reader, 3);
    expect(await reader.seqs()).toEqual(range(0, 4));
  });

  it('carries an event at every limit at once', async () => {
    const reader = newReader();
    await start(feed(), reader);
    await hasRead(reader, 0);
    // Of quotes, since each byte of them doubles in the message. No value of an envelope has one.
    const quoted = (bytes: number) => '"'.repeat(Math.floor(bytes / 2));
    const of = (client: string, text: string) =>
      request(
        event({
          producer: { client, id: '6f1c2f57-3c1e-4a53-9a53-0f5f3a1d9b10', seq: 1 },
          payload: payloadOf({ text }),
        }),
      );
    await ledger.seal([of('x', '')]);
    const [small] = (await ledger.records()).slice(-1);
    const client = 'x'.repeat(limits.envelopeBytes - (small?.envelope.length ?? 0) + 1);
    await ledger.seal([of(client, quoted(limits.payloadBytes - (small?.payload?.length ?? 0)))]);
    const [large] = (await ledger.records()).slice(-1);
    expect(large?.envelope.length).toBe(limits.envelopeBytes);
    expect(large?.payload?.length).toBeGreaterThanOrEqual(limits.payloadBytes - 1);
    const before = await topic.count(ledger.name);
    await carry(2, 3);
    expect(await topic.count(ledger.name)).toBe(before + 1);
    await hasRead(reader, 2);
  });

  it('stays in its group while the reader takes longer for a batch than a session lasts', async () => {
    const reader = newReader();
    await start(feed(), reader);
    await hasRead(reader, 0);
    const released = Promise.withResolvers<void>();
    let heldSince_ms = 0;
    reader.before = () => {
      heldSince_ms = performance.now();
      return released.promise;
    };
    await seal(3);
    await carry(1, 4);
    await waitFor('the batch in the reader', () => heldSince_ms > 0);
    await waitFor('two sessions', async () => {
      expect(await topic.countMembers(group(reader))).toBe(1);
      return performance.now() - heldSince_ms > 4_000;
    });
    released.resolve();
    await hasRead(reader, 3);
    expect(await reader.seqs()).toEqual(range(0, 4));
  }, 30_000);

  it('goes on with the reader that is left when the other leaves', async () => {
    const leaving = newReader();
    const first = await start(feed(), leaving);
    await hasRead(leaving, 0);
    const staying = newReader(leaving.name);
    await start(feed(), staying);
    await waitFor('both in the group', async () => (await topic.countMembers(group(leaving))) === 2);
    await first.stop();
    await seal(10);
    await carry(1, 11);
    await hasRead(staying, 10);
    expect(await staying.seqs()).toEqual(range(0, 11));
  });

  it('goes on when the topic was deleted and made again', async () => {
    const reader = newReader();
    await start(feed(), reader);
    await seal(20);
    await carry(0, 21);
    await hasRead(reader, 20);
    await topic.delete();
    await seal(5);
    await topic.make();
    await waitFor('the carrying', () =>
      carry(24, 26).then(
        () => true,
        () => false,
      ),
    );
    await hasRead(reader, 25);
    expect(await reader.seqs()).toEqual(range(0, 26));
  });

  it('goes on when the broker was killed and is back, and says meanwhile that it is away', async () => {
    if (!kafka.isOurs) return;
    const reader = newReader();
    const reading = await start(feed(), reader);
    await seal(20);
    await carry(0, 21);
    await hasRead(reader, 20);
    const ending = await start(feed(), newReader());
    await kafka.kill();
    await ending.stop();
    await waitFor('trouble', () => (reading.state() as { trouble: string | null }).trouble !== null, 60_000);
    await seal(5);
    await kafka.restart();
    await waitFor(
      'the carrying',
      () =>
        carry(21, 26).then(
          () => true,
          () => false,
        ),
      60_000,
    );
    await hasRead(reader, 25);
    expect(await reader.seqs()).toEqual(range(0, 26));
    await waitFor('no trouble', () => (reading.state() as { trouble: string | null }).trouble === null);
  }, 180_000);

  it('looks into the ledger by itself where Kafka brings nothing', async () => {
    const patrolling = new KafkaFeed({
      brokers: kafka.brokers,
      source: new LedgerRecordSource(database.ingest),
      topic: topic.name,
      patrol_ms: 200,
    });
    const reader = newReader();
    await start(patrolling, reader);
    await hasRead(reader, 0);
    await seal(3);
    await hasRead(reader, 3);
  });

  const group = (reader: TableReader) => `runseal.${reader.name}.${reader.ledger}`;
});
