import type { SealedRecord } from '@runseal/chain';
import { sealBatch, type Anchor } from '@runseal/ledger';
import { KafkaFeed, type FeedReader, type Position, type RecordSource } from '@runseal/messaging';
import { TestTopic } from '@runseal/messaging/testing';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { inTransaction, openPool, type Pool } from '@runseal/postgres';
import { findKafka, TestKafka, waitFor } from '@runseal/testing';
import { asSuperuser, createLedgerDatabase, openBenchLedger, requestOf } from './ledger-database.js';
import type { Bench } from './measure.js';
import { script } from './processes.js';
import type { RelayAnswer, RelaySettings } from './relay-process.js';

const RECORDS = 60_000;
const BATCH = 500;
const PAYLOAD_BYTES = 1_000;
const LIMIT_MS = 120_000;

export const relayBench: Bench = {
  name: 'relay',
  unit: 'records/s',
  control: 'kafkajs alone, out of one process and into another',
  target:
    '>= 15000 records/s (from the ledger through Kafka into rows of Postgres, 1 kB payloads; relay and reader are a process each)',
  isMet: (value) => value >= 15_000,
  postgres: 18,
  lacks: async () => {
    const found = await findKafka();
    return 'missing' in found ? found.missing : null;
  },
  prepare: async () => {
    const kafka = await TestKafka.start();
    const options = { brokers: kafka.brokers };
    const database = await createLedgerDatabase();
    await asSuperuser(database.superuserUrl, TABLES);
    const pool = openPool({ url: database.ingestUrl, applicationName: 'bench-relay', connectionsMax: 4 });
    await fill(pool, await openBenchLedger(database));
    const settings = { databaseUrl: database.ingestUrl, options, count: RECORDS };
    return {
      ours: async () => {
        await asSuperuser(
          database.superuserUrl,
          'delete from ingest.relay_positions; truncate bench.rows, bench.position',
        );
        const topic = await TestTopic.create(options);
        const nothing = new Nothing();
        const feed = new KafkaFeed({ ...options, topic: topic.name, source: nothing, patrol_ms: 600_000 });
        const reader = new Rows(pool);
        const reading = await feed.start(reader);
        await nothing.asked;
        const relay = await RelayProcess.start({ ...settings, way: 'relay', topic: topic.name });
        const took_ms = await relay.measure(() =>
          waitFor('the last record', () => reader.newest === RECORDS, LIMIT_MS),
        );
        await reading.stop();
        await topic.delete();
        return (RECORDS * 1_000) / took_ms;
      },
      control: async () => {
        const topic = await TestTopic.create(options);
        const done = Promise.withResolvers<void>();
        const reading = await topic.countAlone((count) => {
          if (count >= RECORDS) done.resolve();
        });
        const relay = await RelayProcess.start({ ...settings, way: 'alone', topic: topic.name });
        const took_ms = await relay.measure(() => done.promise);
        await reading.close();
        await topic.delete();
        return (RECORDS * 1_000) / took_ms;
      },
      close: async () => {
        await pool.end();
        await database.close();
        await kafka.remove();
      },
    };
  },
};

/** Sends what is in the ledger, from when it is told to. */
class RelayProcess {
  private constructor(private readonly child: ChildProcess) {}

  static async start(settings: RelaySettings): Promise<RelayProcess> {
    const child = fork(script('relay-process'), [JSON.stringify(settings)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [answer] = (await once(child, 'message')) as [RelayAnswer];
    if (answer !== 'ready') throw new Error(`the relay's process said ${String(answer)}`);
    return new RelayProcess(child);
  }

  /** Milliseconds from the word to go until all is there; the process has ended then. */
  async measure(isThere: () => Promise<unknown>): Promise<number> {
    const started = performance.now();
    this.child.send('go');
    await isThere();
    const took_ms = performance.now() - started;
    const ended = once(this.child, 'exit');
    this.child.send('end');
    await ended;
    return took_ms;
  }
}

const TABLES = `
create schema bench;
create table bench.position (epoch integer, seq bigint, hash text);
create table bench.rows (seq bigint primary key, type text, stream text);
grant all on schema bench to runseal_ingest;
grant all on all tables in schema bench to runseal_ingest;`;

/** Whatever the reader gets comes through Kafka: it has no other source. Asked once it knows from which offset on it reads. */
class Nothing implements RecordSource {
  private readonly first = Promise.withResolvers<void>();
  readonly asked = this.first.promise;

  async read(): Promise<readonly SealedRecord[]> {
    return [];
  }

  async findNewest(): Promise<null> {
    this.first.resolve();
    return null;
  }
}

/** As small as a projection can be: a row a record, and the position, in one transaction. */
class Rows implements FeedReader {
  readonly name = `rows-${Math.random().toString(36).slice(2)}`;
  readonly ledger = 'default';
  newest = -1;

  constructor(private readonly pool: Pool) {}

  async findPosition(): Promise<Position | null> {
    return null;
  }

  async apply(records: readonly SealedRecord[]): Promise<void> {
    const envelopes = records.map(({ envelope }) => JSON.parse(String(envelope)) as { type: string; stream: string });
    const last = records.at(-1);
    await inTransaction(this.pool, async (connection) => {
      await connection.query('select p.seq from bench.position p for update');
      await connection.query(
        `insert into bench.rows (seq, type, stream)
         select r.seq, r.type, r.stream from unnest($1::bigint[], $2::text[], $3::text[]) as r (seq, type, stream)`,
        [records.map(({ seq }) => seq), envelopes.map(({ type }) => type), envelopes.map(({ stream }) => stream)],
      );
      await connection.query('delete from bench.position');
      await connection.query('insert into bench.position (epoch, seq) values ($1, $2)', [last?.epoch, last?.seq]);
    });
    this.newest = last?.seq ?? this.newest;
  }
}

async function fill(pool: Pool, opened: Anchor): Promise<void> {
  let anchor = opened;
  for (let sealed = 0; sealed < RECORDS; sealed += BATCH) {
    const requests = [requestOf(BATCH, PAYLOAD_BYTES)];
    const [outcome] = await sealBatch(pool, 'default', anchor, { requests, sealedAt: new Date() });
    const last = outcome && 'receipts' in outcome ? outcome.receipts.at(-1) : undefined;
    if (!last) throw new Error('a batch was refused');
    anchor = last;
  }
}
