import { openPool, sqlState, type Connection, type Pool } from '@runseal/postgres';
import { TestServer } from '@runseal/testing';
import { defineTable, insertNewRows, insertRows, upsertRows } from './rows.js';

const things = defineTable(
  'things',
  {
    id: 'int4',
    big: 'int8',
    real: 'float8',
    flag: 'bool',
    bytes: 'bytea',
    text: 'text',
    uuid: 'uuid',
    json: 'jsonb',
    time: 'timestamptz',
  },
  ['id'],
);
const uuid = '01920000-0000-7000-8000-000000000001';
const full = {
  id: 1,
  big: -(2 ** 53 - 1),
  real: -0.1,
  flag: true,
  bytes: Buffer.from([0, 255]),
  text: 'é "{},\\ \n𝄞',
  uuid,
  json: '{"a":[1,null]}',
  time: '2026-01-26T11:30:00.5+01:00',
};
const none = { big: null, real: null, flag: null, bytes: null, text: null, uuid: null, json: null, time: null };

describe('rows written in one statement', () => {
  let server: TestServer;
  let pool: Pool;
  let connection: Connection & { release(): void };

  beforeAll(async () => {
    server = await TestServer.start();
    pool = openPool({ url: await server.createDatabase(), applicationName: 'test' });
    connection = await pool.connect();
  });
  afterAll(async () => {
    connection?.release();
    await pool?.end();
    await server?.remove();
  });
  beforeEach(() =>
    connection.query(`
      drop table if exists things;
      create table things (id integer primary key, big bigint, "real" float8, flag boolean, bytes bytea, text text, uuid uuid,
        json jsonb, time timestamptz)`),
  );

  const stored = async () => (await connection.query('select * from things order by id')).rows;

  it('come back as they were, nulls and every type included', async () => {
    await insertRows(connection, things, [full, { id: 2, ...none }]);
    expect(await stored()).toEqual([
      { ...full, json: { a: [1, null] }, time: new Date('2026-01-26T10:30:00.500Z') },
      { id: 2, ...none },
    ]);
  });

  it('keep numbers that are none, the largest and the smallest', async () => {
    const reals = [NaN, Infinity, -Infinity, 5e-324, 1.7976931348623157e308, -0];
    const bigs = [0, -1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, 2 ** 31];
    await insertRows(
      connection,
      things,
      reals.map((real, id) => ({ ...full, id, real, big: bigs[id] ?? 0 })),
    );
    const rows = await stored();
    expect(rows.map(({ real }) => real)).toEqual(reals);
    expect(rows.map(({ big }) => big)).toEqual(bigs);
  });

  it('are refused where a number is no integer below 2^53, and none are written', async () => {
    await expect(insertRows(connection, things, [{ ...full, big: 2 ** 53 }])).rejects.toThrow('2^53');
    expect(await stored()).toEqual([]);
  });

  it('fail together where one key is there', async () => {
    await insertRows(connection, things, [full]);
    const failure = await insertRows(connection, things, [{ ...full, id: 7 }, full]).catch((error: unknown) => error);
    expect(sqlState(failure)).toBe('23505');
    expect(await stored()).toHaveLength(1);
  });

  it('leave the first of each key where only new ones are wanted', async () => {
    await insertNewRows(connection, things, [{ ...full, text: 'first' }, full]);
    await insertNewRows(connection, things, [full, { ...full, id: 2 }]);
    expect((await stored()).map(({ id, text }) => [id, text])).toEqual([
      [1, 'first'],
      [2, full.text],
    ]);
  });

  it('leave the last of each key where they replace', async () => {
    await upsertRows(connection, things, [full, { ...full, text: 'second' }]);
    expect((await stored()).map(({ id, text }) => [id, text])).toEqual([[1, 'second']]);
    await upsertRows(connection, things, [{ id: 1, ...none }]);
    expect(await stored()).toEqual([{ id: 1, ...none }]);
  });

  it('replace by a key of several columns, one of them no number', async () => {
    await connection.query(
      'drop table if exists pairs; create table pairs (a float8, b text, v integer, primary key (a, b))',
    );
    const pairs = defineTable('pairs', { a: 'float8', b: 'text', v: 'int4' }, ['a', 'b']);
    await upsertRows(connection, pairs, [
      { a: NaN, b: 'x', v: 1 },
      { a: Infinity, b: 'x', v: 2 },
      { a: NaN, b: 'x', v: 3 },
    ]);
    expect((await connection.query('select a, v from pairs order by a')).rows).toEqual([
      { a: Infinity, v: 2 },
      { a: NaN, v: 3 },
    ]);
  });

  it('are none for no rows', async () => {
    await insertRows(connection, things, []);
    expect(await stored()).toEqual([]);
  });
});
