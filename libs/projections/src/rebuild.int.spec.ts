import fc from 'fast-check';
import { Intake, PoisonRecordError } from '@runseal/messaging';
import { TestServer, waitFor } from '@runseal/testing';
import { digestTables } from './digest.js';
import { finished, logged, MemoryLedger, started, eventOf, type SampleEvent } from './memory-ledger.fixture.js';
import { rebuild, type RebuildOptions } from './rebuild.js';
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

const LIVE_TABLES = ['metric_rows', 'metric_rows_0', 'metric_rows_1', 'position', 'runs'];

const build = (more: Partial<RebuildOptions> = {}) =>
  rebuild({
    pool: database.pool,
    projection: sampleProjection,
    ledger: ledger.name,
    source: ledger,
    ...more,
  });

const apply = async (recordsMax?: number) => {
  const projector = await database.projector(ledger, recordsMax ? { recordsMax } : {});
  await projector.apply(ledger.records);
  return projector;
};

const tableIds = async (schema: string): Promise<string[]> => {
  const result = await database.superuser.query<{ oid: string }>(
    `select oid::text from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'i', 'I') order by oid`,
    [schema],
  );
  return result.rows.map(({ oid }) => oid);
};

describe('a rebuild', () => {
  it('puts equal tables, partitions and indexes in the place of the old ones, and reads go on with them', async () => {
    ledger.seal([started(1), logged(1, 1), started(2), finished(1), logged(2, 0.5, 'NaN'), logged(2, 7)]);
    const projector = await apply();
    const reader = await database.pool.connect();
    const count = { name: 'count', text: 'select count(*)::int as n from metric_rows where run is not null' };
    const before = (await reader.query(count)).rows;
    const old = await tableIds('sample_v1');
    const report = await build();
    expect(report).toMatchObject({ outcome: 'swapped', records: 6, differing: [], position: { epoch: 0, seq: 5 } });
    expect(report.after).toEqual(report.before);
    expect(report.before).toEqual(await digestTables(database.pool, 'sample_v1'));
    expect(await database.tables('sample_v1')).toEqual(LIVE_TABLES);
    expect(await database.tables('sample_v1_build')).toEqual([]);
    const made = await tableIds('sample_v1');
    expect([made.length, made.filter((id) => old.includes(id))]).toEqual([old.length, []]);
    expect((await reader.query(count)).rows).toEqual(before);
    reader.release();
    // The projector that ran before goes on from where both stand.
    ledger.seal([logged(2, 8)]);
    await projector.apply(ledger.records);
    expect((await projector.readPosition())?.seq).toBe(6);
  });

  it('equals what was applied live, for any order of events and any size of batches', async () => {
    const event = fc.oneof(
      fc.nat(3).map((run) => started(run)),
      fc.nat(3).map((run) => finished(run)),
      fc
        .tuple(fc.nat(3), fc.nat(5), fc.constantFrom<number | string>(0.25, 'NaN', '-Infinity', 1e17))
        .map(([run, step, loss]) => logged(run, step, loss)),
      fc.constant<SampleEvent>({ type: 'ledger.opened', stream: 'ledger/default', payload: {} }),
    );
    const property = fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 50 }),
      async (events, liveMax, buildMax) => {
        await database.empty();
        ledger = new MemoryLedger();
        ledger.seal(events);
        await apply(liveMax);
        const report = await build({ recordsMax: buildMax });
        expect([report.outcome, report.differing]).toEqual(['swapped', []]);
      },
    );
    await fc.assert(property, { numRuns: 30, endOnFailure: true });
  }, 120_000);

  it('lets a projector that keeps going elsewhere wait, and it loses and doubles nothing', async () => {
    ledger.seal([started(1), ...Array.from({ length: 300 }, (_, step) => logged(1, step))]);
    const reader = await database.projector(ledger, { recordsMax: 20 });
    const intake = new Intake({ reader, source: ledger, retryMin_ms: 5, retryMax_ms: 20 });
    const stop = new AbortController();
    const going = (async () => {
      for (let step = 300; !stop.signal.aborted; step += 1) {
        ledger.seal([logged(1, step)]);
        await intake.catchUp(stop.signal);
      }
    })();
    const troubles = new Set<string>();
    try {
      const report = await build({
        recordsMax: 50,
        onProgress: () => {
          const { state } = intake;
          if (state.state === 'reading' && state.trouble) troubles.add(state.trouble);
        },
      });
      expect(report).toMatchObject({ outcome: 'swapped', differing: [] });
      const swappedAt = report.position?.seq ?? Infinity;
      await waitFor('the projector to go on', async () => ((await reader.readPosition())?.seq ?? -1) > swappedAt + 3);
    } finally {
      stop.abort();
      await going;
    }
    expect([...troubles]).toEqual(['sample_v1 is being built anew; sample-v1 goes on afterwards.']);
    expect((await build()).outcome).toBe('swapped');
  });

  it('keeps the old tables where the new ones differ, and names which', async () => {
    ledger.seal([started(1), logged(1, 1), started(2)]);
    await apply();
    await database.pool.query(`update runs set records = 7 where experiment = 'experiment 1'`);
    const old = await tableIds('sample_v1');
    const report = await build();
    expect([report.outcome, report.differing]).toEqual(['kept', ['runs']]);
    expect(await tableIds('sample_v1')).toEqual(old);
    expect((await database.pool.query('select records from runs order by run')).rows).toEqual([
      { records: 7 },
      { records: 1 },
    ]);
    // What was built lies there to be looked at, and the next rebuild clears it away.
    expect(await database.tables('sample_v1_build')).toEqual(LIVE_TABLES);
    await database.pool.query(`update runs set records = 2 where records = 7`);
    expect((await build()).outcome).toBe('swapped');
  });

  it.each([
    ['fails', `raise exception 'refused on purpose'`, 'refused on purpose'],
    ['is killed', 'perform pg_terminate_backend(pg_backend_pid())', 'terminat'],
  ])('leaves everything as it was where it %s in the middle of the swap', async (_, statement, words) => {
    ledger.seal([started(1), logged(1, 1)]);
    const projector = await apply();
    const old = await tableIds('sample_v1');
    const digest = await digestTables(database.pool, 'sample_v1');
    // The last table to be moved: by then the old ones are dropped.
    await database.superuser.query(`
      create function interrupt() returns event_trigger language plpgsql as $$
      begin
        if exists (select from pg_event_trigger_ddl_commands() where object_identity = 'sample_v1.metric_rows_1') then
          ${statement};
        end if;
      end $$;
      create event trigger interrupt on ddl_command_end when tag in ('ALTER TABLE') execute function interrupt()`);
    await expect(build()).rejects.toThrow(words);
    expect(await tableIds('sample_v1')).toEqual(old);
    expect(await digestTables(database.pool, 'sample_v1')).toEqual(digest);
    ledger.seal([logged(1, 2)]);
    await projector.apply(ledger.records);
    await database.superuser.query('drop event trigger interrupt');
    expect(await build()).toMatchObject({ outcome: 'swapped', records: 3 });
  });

  it('leaves everything as it was where it is killed while it builds, and the next one clears up', async () => {
    ledger.seal([started(1), ...Array.from({ length: 30 }, (_, step) => logged(1, step))]);
    const projector = await apply();
    const digest = await digestTables(database.pool, 'sample_v1');
    const kill = () =>
      database.superuser.query(
        `select pg_terminate_backend(l.pid) from pg_locks l
         join pg_database d on d.oid = l.database and d.datname = current_database()
         where l.locktype = 'advisory'`,
      );
    await expect(build({ recordsMax: 10, onProgress: (records) => void (records === 20 && kill()) })).rejects.toThrow();
    expect(await database.tables('sample_v1_build')).toEqual(LIVE_TABLES);
    expect(await digestTables(database.pool, 'sample_v1')).toEqual(digest);
    ledger.seal([logged(1, 31)]);
    await projector.apply(ledger.records);
    expect(await build()).toMatchObject({ outcome: 'swapped', records: 32 });
    expect(await database.tables('sample_v1_build')).toEqual([]);
  });

  it('waits for its turn where another one is at it', async () => {
    ledger.seal([started(1)]);
    await apply();
    let second: Promise<unknown> | undefined;
    const first = build({
      projection: {
        ...sampleProjection,
        apply: async (records, connection) => {
          second = build().catch((error: unknown) => error);
          await waitFor('the second to wait', async () => {
            const waiting = await database.superuser.query(
              `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
            );
            return waiting.rowCount === 1;
          });
          return sampleProjection.apply(records, connection);
        },
      },
    });
    expect((await first).outcome).toBe('swapped');
    expect(await second).toMatchObject({ outcome: 'swapped' });
  });

  it('does nothing to a projection that has read nothing yet', async () => {
    expect(await build()).toMatchObject({ outcome: 'swapped', records: 0, position: null });
    expect(await database.tables('sample_v1')).toEqual(LIVE_TABLES);
  });

  it.each<[string, number, () => void]>([
    ['a changed payload', 1, () => (ledger.records[1] = { ...ledger.records[1]!, payload: Buffer.from('{}') })],
    ['a missing record', 1, () => ledger.records.splice(1, 1)],
  ])('stops at %s and keeps the old tables', async (_, seq, change) => {
    ledger.seal([started(1), logged(1, 1), started(2)]);
    await apply();
    const old = await tableIds('sample_v1');
    change();
    const failure = await build().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PoisonRecordError);
    expect(failure).toMatchObject({ seq });
    expect(await tableIds('sample_v1')).toEqual(old);
  });

  it('stops where the ledger was replaced by another one or an older copy', async () => {
    ledger.seal([started(1), started(2)]);
    await apply();
    ledger.restore(1);
    await expect(build()).rejects.toThrow('does not hold record 1 of epoch 0');
    ledger.seal([eventOf(3, 'run.started', { experiment: 'x' })]);
    await expect(build()).rejects.toThrow('does not hold record 1 of epoch 0');
  });

  it('lets readers go on while one of them keeps it from swapping', async () => {
    ledger.seal([started(1)]);
    await apply();
    const reader = await database.pool.connect();
    await reader.query('begin; select count(*) from runs');
    const building = build();
    await waitFor('a try that gave its place up', async () => {
      const tries = await database.superuser.query(
        `select from pg_stat_activity where datname = current_database() and query like 'rollback to savepoint%'`,
      );
      return tries.rowCount === 1;
    });
    expect((await database.pool.query('select count(*)::int as n from runs')).rows).toEqual([{ n: 1 }]);
    await reader.query('commit');
    reader.release();
    expect((await building).outcome).toBe('swapped');
  });
});
