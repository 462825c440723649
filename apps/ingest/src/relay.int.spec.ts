import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SealedRecord } from '@runseal/chain';
import { LedgerRecordSource } from '@runseal/ledger';
import { KafkaFeed, type FeedReader, type Position } from '@runseal/messaging';
import { TestTopic } from '@runseal/messaging/testing';
import { describeWithKafka, findKafka, TestKafka, TestServer, waitFor } from '@runseal/testing';
import { v4 as uuid } from 'uuid';
import { exampleOf, metricsOf, Workplace, type ServedIngest } from './ingest-service.fixture.js';

const SCRIPT = fileURLToPath(new URL('./relaying-process.fixture.mjs', import.meta.url));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** Keeps what it got in memory. */
class Keeper implements FeedReader {
  readonly name = `keeper-${uuid()}`;
  readonly ledger = 'default';
  readonly seqs: number[] = [];
  private position: Position | null = null;
  async findPosition() {
    return this.position;
  }
  async apply(records: readonly SealedRecord[]) {
    for (const { epoch, seq, hash } of records) {
      this.seqs.push(seq);
      this.position = { epoch, seq, hash: Buffer.from(hash).toString('hex') };
    }
  }
}

describeWithKafka('the relay to Kafka', await findKafka(), () => {
  let server: TestServer;
  let kafka: TestKafka;
  let workplace: Workplace;
  let key: string;
  let records: TestTopic;
  let heads: TestTopic;
  /** What is to be ended after a test. */
  const open: (() => Promise<unknown>)[] = [];
  const run = `run/${uuid()}`;

  beforeAll(async () => {
    [server, kafka] = await Promise.all([TestServer.start(18), TestKafka.start()]);
  }, 120_000);
  beforeEach(async () => {
    workplace = await Workplace.open(server);
    key = await workplace.createKey();
    records = await TestTopic.create({ brokers: kafka.brokers });
    heads = await TestTopic.create({ brokers: kafka.brokers });
  }, 30_000);
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
    await workplace?.close();
  }, 60_000);
  afterAll(async () => {
    await kafka?.remove();
    await server?.remove();
  });

  const serve = () =>
    workplace.serve({
      kafka: { brokers: kafka.brokers, recordsTopic: records.name, headsTopic: heads.name },
    });
  /** The first of them starts the run, all others log metrics. */
  const submit = async (door: ServedIngest, count: number, isFirst = false) => {
    const first = isFirst ? [exampleOf('run.started', { stream: run })] : [];
    const events = [...first, ...range(first.length, count).map(() => metricsOf(run.slice(4)))];
    const { status, body } = await door.post(key, { events });
    expect([status, body.code]).toEqual([201, undefined]);
  };
  const published = (count: number, limit_ms?: number) =>
    waitFor(
      `${count} published records`,
      async () => (await records.count('default').catch(() => 0)) >= count,
      limit_ms,
    );
  const position = async () => {
    const { rows } = await workplace.superuser.query<{ epoch: number; seq: number }>(
      'select epoch, seq from ingest.relay_positions',
    );
    return rows[0];
  };

  it('publishes what is sealed in order, and heads, and keeps how far it is', async () => {
    const door = await serve();
    await submit(door, 10, true);
    await submit(door, 10);
    await published(21);
    expect((await records.read('default')).map(({ seq }) => seq)).toEqual(range(0, 21));
    await waitFor('the position', async () => (await position())?.seq === 20);
    const metrics = await (await fetch(`${door.service.managementUrl}/metrics`)).text();
    expect(metrics).toContain('runseal_relay_lag_records{service="ingest"} 0');
    await door.headOf(key, 21);
    await waitFor('a head in Kafka', async () => (await heads.count('default')) > 0);
  });

  it('is one of two replicas, and another takes over where it ends', async () => {
    const doors = [await serve(), await serve()] as const;
    await submit(doors[0], 10, true);
    await submit(doors[1], 10);
    await published(21);
    await doors[0].close();
    await submit(doors[1], 10);
    await published(31);
    expect((await records.read('default')).map(({ seq }) => seq)).toEqual(range(0, 31));
  });

  it('publishes twice what it published before it was killed, and readers get it once', async () => {
    const door = await workplace.serve(); // without Kafka: nothing relays yet
    await submit(door, 20, true);
    const reader = new Keeper();
    const source = new LedgerRecordSource(workplace.pool);
    const feed = new KafkaFeed({ brokers: kafka.brokers, source, topic: records.name, patrol_ms: 600_000 });
    const reading = await feed.start(reader);
    open.push(() => reading.stop());
    await waitFor('what was sealed before', () => reader.seqs.length === 21);
    await submit(door, 5);
    const relaying = startDying();
    await relaying.published;
    relaying.child.kill('SIGKILL');
    await relaying.ended;
    // Nor does kafkajs have Node print a warning.
    expect(relaying.words()).toBe('');
    expect(await position()).toBeUndefined();
    expect(await records.count('default')).toBe(26);
    await door.close();
    const replacement = await serve();
    await submit(replacement, 5);
    await published(26 + 31);
    await waitFor('all records', () => reader.seqs.length === 31);
    expect(reader.seqs).toEqual(range(0, 31));
    expect((await records.read('default')).map(({ seq }) => seq)).toEqual([...range(0, 26), ...range(0, 31)]);
    expect(await position()).toEqual({ epoch: 0, seq: 30 });
  }, 60_000);

  it('goes back to the kept records when the ledger was restored, and publishes its new epoch', async () => {
    const door = await serve();
    await submit(door, 10, true);
    await published(11);
    await waitFor('the position', async () => (await position())?.seq === 10);
    await door.headOf(key, 11);
    await setBack(6);
    const answer = await door.post(key, { reason: 'The disk was lost.' }, { path: '/v1/ledger/epochs' });
    expect(answer.status).toBe(201);
    await submit(door, 2);
    await published(11 + 3);
    const all = await records.read('default');
    expect(all.slice(11)).toEqual(range(6, 9).map((seq) => ({ epoch: 1, seq })));
    await waitFor('the position', async () => (await position())?.seq === 8);
  });

  it('leaves sealing alone while the brokers are away, says so, and publishes all of it later', async () => {
    if (!kafka.isOurs) return;
    const door = await serve();
    await submit(door, 10, true);
    await published(11);
    await kafka.kill();
    await submit(door, 10);
    const says = (words: string) => door.lines.some((line) => line.includes(words));
    await waitFor('a line in the log', () => says('records are not published to Kafka'), 60_000);
    await submit(door, 10);
    await kafka.restart();
    await published(31, 60_000);
    await waitFor('a line in the log', () => says('records are published to Kafka again'));
    expect((await records.read('default')).slice(-20).map(({ seq }) => seq)).toEqual(range(11, 31));
  }, 180_000);

  /** A relay that publishes one batch and then waits for its death. */
  function startDying(): {
    child: ChildProcess;
    published: Promise<void>;
    ended: Promise<unknown>;
    words: () => string;
  } {
    const args = [SCRIPT, workplace.settings.databaseUrl, 'default', kafka.brokers.join(','), records.name];
    const { NODE_OPTIONS: _, ...env } = process.env; // Jest's own options are not for this process
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
    const ended = new Promise((resolve) => child.once('close', resolve));
    const told = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
    const died = ended.then(() => Promise.reject(new Error(`The relaying process ended by itself: ${words}`)));
    open.push(() => {
      child.kill('SIGKILL');
      return ended;
    });
    return { child, published: Promise.race([told, died]), ended, words: () => words };
  }

  async function setBack(size: number): Promise<void> {
    await workplace.superuser.query(
      `with p as (delete from ledger.payloads where seq >= $1), r as (delete from ledger.records where seq >= $1)
       update ledger.ledgers set size = $1, newest_hash = kept.hash, epoch = kept.epoch
       from ledger.records kept where kept.seq = $1 - 1`,
      [size],
    );
  }
});
