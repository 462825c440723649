import { LocalServer } from './local-server.js';
import { inTransaction, isUnavailable, openDirectConnection, openPool, sqlState, type Pool } from './pool.js';
import { makeFolder, optionsFor, removeFolder } from './throw-away-server.fixture.js';

describe('the pool', () => {
  let folder: string;
  let server: LocalServer;
  let pool: Pool;

  beforeAll(async () => {
    folder = await makeFolder();
    server = new LocalServer(await optionsFor(folder));
    await server.start();
    pool = openPool({
      url: server.url(),
      applicationName: 'test-pool',
      connectionsMax: 1,
    });
    await pool.query('create table notes (n int primary key)');
  });
  afterAll(async () => {
    await pool.end();
    await server.stop('SIGKILL');
    await removeFolder(folder);
  });
  beforeEach(() => pool.query('truncate notes'));

  const notes = async () => (await pool.query<{ n: number }>('select n from notes order by n')).rows.map(({ n }) => n);
  const caught = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: unknown) => error,
    );

  it('commits a transaction whose work resolves, and returns what it resolved to', async () => {
    expect(
      await inTransaction(pool, (connection) => connection.query('insert into notes values (1)').then(() => 'done')),
    ).toBe('done');
    expect(await notes()).toEqual([1]);
  });

  it('rolls back and rethrows where the work rejects, and the connection is good for the next', async () => {
    const fault = new Error('no');
    const work = inTransaction(pool, async (connection) => {
      await connection.query('insert into notes values (1)');
      throw fault;
    });
    expect(await caught(work)).toBe(fault);
    expect(await notes()).toEqual([]);
  });

  it('rolls back where a statement of the work fails, and sqlState names why', async () => {
    const error = await caught(
      inTransaction(pool, (connection) => connection.query('insert into notes values (1), (1)')),
    );
    expect(sqlState(error)).toBe('23505');
    expect(isUnavailable(error)).toBe(false);
    expect(await notes()).toEqual([]);
  });

  it('reads a bigint as a number', async () => {
    expect((await pool.query('select 9007199254740991::bigint as n')).rows).toEqual([{ n: Number.MAX_SAFE_INTEGER }]);
  });

  it('cancels a statement that runs longer than its limit', async () => {
    const hasty = openPool({
      url: server.url(),
      applicationName: 'test-hasty',
      statementTimeout_ms: 50,
    });
    expect(sqlState(await caught(hasty.query('select pg_sleep(30)')))).toBe('57014');
    await hasty.end();
  });

  it('looks unqualified names up in the schema that it is given, and keeps options of the URL', async () => {
    await pool.query(
      'create schema apart; create table apart.notes (n int primary key); insert into apart.notes values (7)',
    );
    const url = new URL(server.url());
    url.searchParams.set('options', '-c work_mem=5MB');
    const searching = openPool({ url: url.toString(), applicationName: 'test', searchPath: 'apart' });
    expect((await searching.query('select n from notes')).rows).toEqual([{ n: 7 }]);
    expect((await searching.query('show work_mem')).rows).toEqual([{ work_mem: '5MB' }]);
    await searching.end();
  });

  it('shows its application name to the server', async () => {
    expect((await pool.query('show application_name')).rows).toEqual([{ application_name: 'test-pool' }]);
  });

  it('rejects with what isUnavailable knows where the server was killed or stopped, and works again after its restart', async () => {
    for (const signal of ['SIGKILL', 'SIGINT'] as const) {
      const waiting = caught(pool.query('select pg_sleep(30)'));
      await server.stop(signal);
      expect(isUnavailable(await waiting)).toBe(true);
      expect(isUnavailable(await caught(pool.query('select 1')))).toBe(true);
      expect(isUnavailable(await caught(openDirectConnection(server.url(), 'test')))).toBe(true);
      await server.start();
      expect(await notes()).toEqual([]);
    }
  });

  it('rejects a transaction whose server is killed in the middle, and works again after its restart', async () => {
    const error = await caught(
      inTransaction(pool, async (connection) => {
        await connection.query('insert into notes values (1)');
        await server.stop('SIGKILL');
        for (;;) await connection.query('select 1'); // until the connection's own backend has noticed
      }),
    );
    expect(isUnavailable(error)).toBe(true);
    await server.start();
    expect(await notes()).toEqual([]);
  });

  it.each([
    ['a fault of ours', new Error('no')],
    ['nothing', null],
    ['a text', 'ECONNREFUSED'],
  ])('isUnavailable and sqlState are about neither for %s', (_, error) => {
    expect([isUnavailable(error), sqlState(error)]).toEqual([false, null]);
  });
});
