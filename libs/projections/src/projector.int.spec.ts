import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PoisonRecordError, StaleReaderError, type Position } from '@runseal/messaging';
import { openPool } from '@runseal/postgres';
import { TestServer, waitFor } from '@runseal/testing';
import { digestTables } from './digest.js';
import { eventOf, finished, logged, MemoryLedger, started } from './memory-ledger.fixture.js';
import { Projector } from './projector.js';
import { SampleDatabase } from './sample-database.fixture.js';
import { sampleProjection } from './sample-projection.fixture.js';

let server: TestServer;
let database: SampleDatabase;
let ledger: MemoryLedger;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.remove());
beforeEach(async () => {
  database = await SampleDatabase.open(await server.createDatabase());
  ledger = new MemoryLedger();
});
afterEach(() => database?.close());

const caught = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );
const runs = async () =>
  (await database.pool.query('select experiment, state, records from runs order by run')).rows as object[];
const seqOf = (position: Position | null) => position?.seq ?? null;

describe('a projector', () => {
  it('moves rows and position together, and finds both again', async () => {
    const projector = await database.projector(ledger);
    expect(await projector.findPosition()).toBeNull();
    const records = ledger.seal([started(1), logged(1, 10), started(2)]);
    await projector.apply(records);
    const hash = Buffer.from(records[2]?.hash ?? []).toString('hex');
    expect(await (await database.projector(ledger)).findPosition()).toEqual({ epoch: 0, seq: 2, hash });
    expect(await runs()).toEqual([
      { experiment: 'experiment 1', state: 'running', records: 2 },
      { experiment: 'experiment 2', state: 'running', records: 1 },
    ]);
  });

  it('commits what was taken, tells it, and only then goes on with the rest', async () => {
    const told: [number, number][] = [];
    const projector = await database.projector(ledger, {
      afterCommit: async ({ seq }) => {
        told.push([seq, seqOf(await projector.readPosition()) ?? -1]);
      },
    });
    await projector.apply(ledger.seal([started(1), finished(1), started(2), finished(2), started(3)]));
    expect(told).toEqual([
      [1, 1],
      [3, 3],
      [4, 4],
    ]);
  });

  it('tells the position again before it goes on, as whoever committed it may have died before', async () => {
    const told: number[] = [];
    const dying = await database.projector(ledger, { afterCommit: () => Promise.reject(new Error('killed')) });
    expect(await caught(dying.apply(ledger.seal([started(1), finished(1), started(2)])))).toEqual(new Error('killed'));
    const next = await database.projector(ledger, { afterCommit: async ({ seq }) => void told.push(seq) });
    await next.apply(ledger.records);
    expect(told).toEqual([1, 2]);
    expect(await runs()).toHaveLength(2);
  });

  it('skips what it has applied before', async () => {
    const projector = await database.projector(ledger);
    await projector.apply(ledger.seal([started(1), logged(1, 1)]));
    await projector.apply(ledger.records);
    expect(await runs()).toEqual([expect.objectContaining({ records: 2 })]);
  });

  it('applies nothing where another process went on while it was paused', async () => {
    const paused = await database.projector(ledger);
    const records = ledger.seal([started(1), logged(1, 1), logged(1, 2)]);
    await paused.apply(records.slice(0, 1));
    const other = await database.projector(ledger);
    await other.apply(records.slice(1));
    expect(await caught(paused.apply(records.slice(1)))).toBeInstanceOf(StaleReaderError);
    expect(await runs()).toEqual([expect.objectContaining({ records: 3 })]);
    expect(seqOf(await paused.findPosition())).toBe(2);
  });

  it('lets one of two at once apply a batch, and the other find that out', async () => {
    const [one, other] = await Promise.all([database.projector(ledger), database.projector(ledger)]);
    const records = ledger.seal(Array.from({ length: 50 }, (_, step) => logged(1, step)));
    const outcomes = await Promise.all([caught(one.apply(records)), caught(other.apply(records))]);
    expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome instanceof StaleReaderError)).toHaveLength(1);
    expect(await runs()).toEqual([expect.objectContaining({ records: 50 })]);
  });

  it.each(['before the rows', 'between rows and position'] as const)(
    'keeps neither where its connection dies %s, and applies the batch at the next try',
    async (moment) => {
      let isDeadly = true;
      const kill = () =>
        database.superuser.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where application_name = 'test-sample' and state = 'idle in transaction'`,
        );
      const projection: typeof sampleProjection = {
        ...sampleProjection,
        apply: async (records, connection) => {
          if (isDeadly && moment === 'before the rows') await kill();
          const taken = await sampleProjection.apply(records, connection);
          if (isDeadly) await kill();
          return taken;
        },
      };
      const projector = await database.projector(ledger, { projection });
      const records = ledger.seal([started(1), logged(1, 1)]);
      expect(await caught(projector.apply(records))).not.toBeNull();
      expect(await projector.findPosition()).toBeNull();
      expect(await runs()).toEqual([]);
      isDeadly = false;
      await projector.apply(records);
      expect(await runs()).toEqual([expect.objectContaining({ records: 2 })]);
    },
  );

  it('keeps neither where its process is killed while it commits nothing yet', async () => {
    const connection = openPool({ url: database.url, applicationName: 'doomed', connectionsMax: 1 });
    const reached = Promise.withResolvers<void>();
    const doomed = await database.projector(ledger, {
      pool: connection,
      projection: {
        ...sampleProjection,
        apply: async (records, inside) => {
          await sampleProjection.apply(records, inside);
          reached.resolve();
          return new Promise<number>(() => undefined); // stands there for ever, as a stopped process does
        },
      },
    });
    void caught(doomed.apply(ledger.seal([started(1)])));
    await reached.promise;
    await database.superuser.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'doomed'`,
    );
    const next = await database.projector(ledger);
    await next.apply(ledger.records);
    expect(await runs()).toEqual([expect.objectContaining({ records: 1 })]);
  });

  it('stops with the seq of a record that it cannot know, and keeps nothing of its batch', async () => {
    const projector = await database.projector(ledger);
    const records = ledger.seal([started(1), logged(1, 1), eventOf(1, 'run.exploded', {})]);
    const failure = await caught(projector.apply(records));
    expect(failure).toBeInstanceOf(PoisonRecordError);
    expect(failure).toMatchObject({ seq: 2 });
    // The feed then brings what is before it.
    await projector.apply(records.slice(0, 2));
    expect(seqOf(await projector.readPosition())).toBe(1);
  });

  it('refuses a projection that takes nothing or more than there is', async () => {
    for (const taken of [0, 2, 0.5]) {
      const projector = await database.projector(ledger, {
        projection: { ...sampleProjection, apply: () => Promise.resolve(taken) },
      });
      expect(
        String(await caught(projector.apply(ledger.records.length ? ledger.records : ledger.seal([started(1)])))),
      ).toContain(`took ${taken} of 1 records`);
    }
  });

  it('begins anew where the ledger that it read was replaced, and only once for all replicas', async () => {
    const projector = await database.projector(ledger);
    const other = await database.projector(ledger);
    await projector.apply(ledger.seal([started(1), started(2), started(3)]));
    const lost = (await projector.readPosition()) as Position;
    ledger.restore(1);
    ledger.seal([started(4)]);
    await projector.startOver(lost);
    expect(await projector.findPosition()).toBeNull();
    await projector.apply(ledger.records);
    await other.startOver(lost);
    expect(seqOf(await other.findPosition())).toBe(1);
    expect(await runs()).toHaveLength(2);
  });

  it('waits for a reader’s query before it begins anew, and lets others read meanwhile', async () => {
    const projector = await database.projector(ledger);
    await projector.apply(ledger.seal([started(1)]));
    const reader = await database.pool.connect();
    await reader.query('begin; select count(*) from runs');
    const beginning = projector.startOver((await projector.readPosition()) as Position);
    await waitFor('a try that gave its place up', async () => {
      const tries = await database.superuser.query(
        `select from pg_stat_activity where application_name = 'test-sample' and query like 'rollback to savepoint%'`,
      );
      return tries.rowCount === 1;
    });
    expect(await runs()).toHaveLength(1);
    await reader.query('commit');
    reader.release();
    await beginning;
    expect(await runs()).toEqual([]);
  });
});

describe('a projector’s tables', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runseal-ddl-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const ddlOf = async (sql: string): Promise<URL> => {
    const path = join(folder, 'ddl.sql');
    await writeFile(path, sql);
    return pathToFileURL(path);
  };

  it('are made once, however many processes start at once', async () => {
    await Promise.all(Array.from({ length: 4 }, () => database.projector(ledger)));
    expect(await database.tables('sample_v1')).toEqual([
      'metric_rows',
      'metric_rows_0',
      'metric_rows_1',
      'position',
      'runs',
    ]);
    expect((await digestTables(database.pool, 'sample_v1')).tables['position']?.rows).toBe(1);
  });

  const preparing = (more: object) =>
    caught(
      new Projector({ pool: database.pool, projection: sampleProjection, ledger: ledger.name, ...more }).prepare(),
    ).then(String);

  it('are not those of another ledger', async () => {
    await database.projector(ledger);
    expect(await preparing({ ledger: 'other' })).toContain('hold the ledger "default", wanted "other"');
  });

  it('are not those of another definition of the same version', async () => {
    await database.projector(ledger);
    const ddl = await ddlOf('create table runs (run uuid primary key);');
    expect(await preparing({ projection: { ...sampleProjection, ddl } })).toContain(
      'give the projection a new version',
    );
  });

  it.each([
    ['view', 'create table a (a int primary key); create view v as select a from a;', 'sample_v1 has v'],
    ['identity column', 'create table a (a int generated always as identity primary key);', 'sample_v1 has a_a_seq'],
  ])('may have no %s, and none are made then', async (_, sql, words) => {
    expect(await preparing({ projection: { ...sampleProjection, ddl: await ddlOf(sql) } })).toContain(words);
    expect(await database.tables('sample_v1')).toEqual([]);
  });

  it('need their schema, and say so', async () => {
    expect(await preparing({ projection: { ...sampleProjection, version: 2 } })).toContain('no schema "sample_v2"');
  });
});
