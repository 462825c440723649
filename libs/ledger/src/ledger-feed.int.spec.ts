import type { SealedRecord } from '@runseal/chain';
import type { FeedReader, Position, Reading } from '@runseal/messaging';
import { openDirectConnection } from '@runseal/postgres';
import { TestServer, waitFor } from '@runseal/testing';
import { LedgerFeed } from './ledger-feed.js';
import { Sealer } from './sealer.js';
import { event, request, TestDatabase, type TestLedger } from './test-database.fixture.js';

/** Remembers when each record became visible to it. */
class Watcher implements FeedReader {
  readonly name = 'watcher';
  readonly seen = new Map<number, number>();
  position: Position | null = null;
  constructor(readonly ledger: string) {}
  async findPosition() {
    return this.position;
  }
  async apply(records: readonly SealedRecord[]) {
    for (const { epoch, seq, hash } of records) {
      this.seen.set(seq, performance.now());
      this.position = { epoch, seq, hash: Buffer.from(hash).toString('hex') };
    }
  }
}

describe('the feed straight from the ledger', () => {
  let server: TestServer;
  let database: TestDatabase;
  let ledger: TestLedger;
  let sealer: Sealer;
  let watcher: Watcher;
  let reading: Reading | null = null;

  beforeAll(async () => {
    server = await TestServer.start(18);
    database = await TestDatabase.open(await server.createDatabase());
  });
  beforeEach(async () => {
    ledger = await database.openLedger();
    sealer = new Sealer({ pool: database.ingest, ledger: ledger.name, anchor: await ledger.anchor() });
    watcher = new Watcher(ledger.name);
  });
  afterEach(async () => {
    await reading?.stop();
    reading = null;
  });
  afterAll(async () => {
    await database.close();
    await server.remove();
  });

  const feed = (poll_ms?: number) =>
    new LedgerFeed({
      pool: database.ingest,
      url: database.urlAs('runseal_ingest'),
      ...(poll_ms === undefined ? {} : { poll_ms }),
    });
  const sealOne = async () => (await sealer.seal(request(event())))[0]?.seq as number;
  const seen = (seq: number, limit_ms?: number) => waitFor(`record ${seq}`, () => watcher.seen.get(seq), limit_ms);
  const listeners = async () => {
    const { rows } = await database.superuser.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'runseal-feed' and query like 'listen%' and state = 'idle'`,
    );
    return rows.map(({ pid }) => pid);
  };

  // How soon is the bench's business (visible-embedded); without hints this would take an hour and a half.
  it('shows every sealed record by its hint, long before it would look by itself', async () => {
    reading = await feed(60_000).start(watcher);
    await waitFor('a listener', async () => (await listeners()).length > 0);
    for (let number = 0; number < 100; number++) await seen(await sealOne(), 10_000);
  });

  it('finds what nobody hinted at by looking', async () => {
    reading = await feed(50).start(watcher);
    await seen(0);
    await ledger.seal([request(event())]); // past the sealer: no hint
    await seen(1);
  });

  it('gets hints again after its listening connection was lost, and misses nothing meanwhile', async () => {
    reading = await feed(60_000).start(watcher);
    const [pid] = await waitFor('a listener', async () => {
      const pids = await listeners();
      return pids.length > 0 && pids;
    });
    await database.superuser.query('select pg_terminate_backend($1)', [pid]);
    await waitFor('its end', async () => !(await listeners()).includes(pid as number));
    const lost = await sealOne();
    await waitFor('another listener', async () => (await listeners()).length > 0);
    await seen(lost);
    await seen(await sealOne(), 20_000);
  });

  it('hints at most every 20 ms, however many are sealed', async () => {
    await using listener = await listen();
    const started = performance.now();
    for (let number = 0; number < 200; number++) await sealOne();
    const elapsed_ms = performance.now() - started;
    await waitFor('a hint', () => listener.hints > 0);
    expect(listener.hints).toBeLessThanOrEqual(elapsed_ms / 20 + 2);
  });

  it('closes its connection with its last reader', async () => {
    const shared = feed(60_000);
    const first = await shared.start(watcher);
    const second = await shared.start(new Watcher(ledger.name));
    await waitFor('a listener', async () => (await listeners()).length === 1);
    await first.stop();
    expect(await listeners()).toHaveLength(1);
    await second.stop();
    await waitFor('no listener', async () => (await listeners()).length === 0);
  });

  // Last: the pools of the tests before would meet the restart.
  it('outlives a kill and restart of Postgres, and says meanwhile that it is away', async () => {
    const outliving = (reading = await feed(100).start(watcher));
    await seen(0);
    await server.server.stop('SIGKILL');
    await waitFor('trouble', () => outliving.state().state === 'reading' && troubleOf(outliving) !== null);
    await server.server.start();
    const seq = await waitFor('a seal', () => sealOne().catch(() => null));
    await seen(seq);
    await waitFor('no trouble', () => troubleOf(outliving) === null);
    await waitFor('a listener', async () => (await listeners()).length > 0);
  });

  const troubleOf = (watched: Reading) => (watched.state() as { trouble?: string | null }).trouble;

  async function listen() {
    const connection = await openDirectConnection(database.url, 'test-listener');
    const counted = { hints: 0, [Symbol.asyncDispose]: () => connection.end() };
    connection.on('notification', () => (counted.hints += 1));
    await connection.query('listen runseal_sealed');
    return counted;
  }
});
