import { TestServer } from '@runseal/testing';
import { openPool, type Pool } from '@runseal/postgres';
import { digestTables } from './digest.js';

describe('the digest of a schema', () => {
  let server: TestServer;
  let pool: Pool;

  beforeAll(async () => {
    server = await TestServer.start();
    pool = openPool({ url: await server.createDatabase(), applicationName: 'test' });
  });
  afterAll(async () => {
    await pool?.end();
    await server?.remove();
  });

  const TABLES = `
    create table one (a text collate "C", b float8, c timestamptz, d bytea, primary key (a, b));
    create table parted (id int primary key, v text) partition by hash (id);
    create table parted_0 partition of parted for values with (modulus 2, remainder 0);
    create table parted_1 partition of parted for values with (modulus 2, remainder 1);`;
  const ROWS = [
    `insert into one values ('é', 0.1, '2026-01-26T10:30:00.5Z', '\\x00ff')`,
    `insert into one values ('z', 1e300, null, null)`,
    `insert into one values ('Z', 'NaN', null, '')`,
    `insert into parted select n, 'v' || n from generate_series(1, 50) as n`,
  ];

  const digestOf = async (statements: readonly string[], settings = '') => {
    await pool.query(`drop schema if exists s cascade; create schema s`);
    const connection = await pool.connect();
    try {
      await connection.query(`set search_path = s; ${settings}`);
      for (const sql of statements) await connection.query(sql);
    } finally {
      connection.release(true);
    }
    return digestTables(pool, 's');
  };

  it('counts rows by table, partitions among what they are parts of', async () => {
    const { tables } = await digestOf([TABLES, ...ROWS]);
    expect(Object.entries(tables).map(([name, { rows }]) => [name, rows])).toEqual([
      ['one', 3],
      ['parted', 50],
    ]);
  });

  it('is the same whatever the order of writing, and the settings of who wrote', async () => {
    const straight = await digestOf([TABLES, ...ROWS]);
    const other = await digestOf(
      [
        TABLES,
        ...ROWS.toReversed(),
        'update one set c = c',
        'delete from parted where id < 9',
        `insert into parted select n, 'v' || n from generate_series(8, 1, -1) as n`,
      ],
      `set timezone = 'Asia/Tokyo'; set bytea_output = escape; set extra_float_digits = 0`,
    );
    expect(other).toEqual(straight);
  });

  it('is the same whatever the settings of who reads', async () => {
    const plain = await digestOf([TABLES, ...ROWS]);
    const name = new URL(server.server.url('test_1'));
    name.searchParams.set(
      'options',
      '-c timezone=Asia/Tokyo -c bytea_output=escape -c datestyle=German -c extra_float_digits=-5',
    );
    const strange = openPool({ url: name.toString(), applicationName: 'test', searchPath: 'public' });
    expect((await strange.query('show bytea_output')).rows).toEqual([{ bytea_output: 'escape' }]);
    expect(await digestTables(strange, 's')).toEqual(plain);
    await strange.end();
  });

  it.each([
    [
      'a value',
      `update one set b = 0.1::float8 + 1e-17 where a = 'é'; update one set c = c + interval '1 us' where a = 'é'`,
    ],
    ['null for an empty value', `update one set d = null where a = 'Z'`],
    ['a row less', `delete from parted where id = 7`],
    ['a row more', `insert into one values ('zz', 0)`],
    ['the same row in another table', `delete from one where a = 'z'; insert into parted values (99, null)`],
  ])('is another one for %s', async (_, change) => {
    const before = await digestOf([TABLES, ...ROWS]);
    const after = await digestOf([TABLES, ...ROWS, change]);
    expect(after.digest).not.toBe(before.digest);
  });

  it('reads more rows than one page holds', async () => {
    const many = (order: string) =>
      digestOf([
        'create table m (n int primary key)',
        `insert into m select n from generate_series(1, 45000) n order by n ${order}`,
      ]);
    const digest = await many('asc');
    expect(digest.tables['m']?.rows).toBe(45_000);
    expect(await many('desc')).toEqual(digest);
  });

  it('needs a primary key', async () => {
    await expect(digestOf(['create table keyless (a int)'])).rejects.toThrow('s.keyless has no primary key');
  });
});
