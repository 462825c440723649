import { createHash } from 'node:crypto';
import { inTransaction, type Connection, type Pool } from '@runseal/postgres';
import { listTables } from './tables.js';

export interface TableDigest {
  readonly rows: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

export interface SchemaDigest {
  /** By name; partitions count as rows of what they are parts of. The position is one of them. */
  readonly tables: Readonly<Record<string, TableDigest>>;
  /** Over all tables; 64 hex digits. */
  readonly digest: string;
}

/** Texts of values depend on these. */
const SETTINGS = `
set local timezone = 'UTC';
set local datestyle = 'ISO, YMD';
set local intervalstyle = 'iso_8601';
set local bytea_output = 'hex';
set local extra_float_digits = 1;
set local xmloption = 'content';
set local statement_timeout = 0`;

const PAGE_ROWS = 20_000;

/**
 * What a schema's tables hold, at one moment: SHA-256 over the SHA-256 of each row's text, in order of the primary key. Equal
 * for equal rows, wherever and in whatever order they were written. Throws where a table has no primary key.
 */
export function digestTables(pool: Pool, schema: string): Promise<SchemaDigest> {
  return inTransaction(pool, (connection) => digestInTransaction(connection, schema));
}

/** As `digestTables`, as the first in a transaction that is then good for nothing else. */
export async function digestInTransaction(connection: Connection, schema: string): Promise<SchemaDigest> {
  await connection.query('set transaction isolation level repeatable read, read only');
  await connection.query(SETTINGS);
  const tables: Record<string, TableDigest> = {};
  const whole = createHash('sha256');
  for (const { name, isPartition } of await listTables(connection, schema)) {
    if (isPartition) continue;
    const table = await digestTable(connection, schema, name);
    tables[name] = table;
    whole.update(`${name} ${table.rows} ${table.sha256}\n`);
  }
  return { tables, digest: whole.digest('hex') };
}

/** The names of the tables that differ, or that only one has. */
export function findDifferences(one: SchemaDigest, other: SchemaDigest): string[] {
  const names = new Set([...Object.keys(one.tables), ...Object.keys(other.tables)]);
  return [...names].filter((name) => one.tables[name]?.sha256 !== other.tables[name]?.sha256).sort();
}

async function digestTable(connection: Connection, schema: string, name: string): Promise<TableDigest> {
  const order = await findOrder(connection, schema, name);
  const hash = createHash('sha256');
  let rows = 0;
  await connection.query(`
declare rows_in_order no scroll cursor for
select encode(sha256(convert_to(whole_row::text, 'UTF8')), 'hex') as row_sha256
from "${schema}"."${name}" as whole_row
order by ${order}`);
  for (;;) {
    const page = await connection.query<[string]>({ text: `fetch ${PAGE_ROWS} from rows_in_order`, rowMode: 'array' });
    if (page.rows.length === 0) break;
    rows += page.rows.length;
    hash.update(page.rows.join('\n')).update('\n');
  }
  await connection.query('close rows_in_order');
  return { rows, sha256: hash.digest('hex') };
}

/** The columns of the primary key. Texts go by their bytes: other collations order them differently in other databases. */
async function findOrder(connection: Connection, schema: string, name: string): Promise<string> {
  const result = await connection.query<{ column: string; is_text: boolean }>(
    `select a.attname as column, a.attcollation <> 0 as is_text
     from pg_index i
     cross join lateral unnest(i.indkey) with ordinality as k (attnum, place)
     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
     where i.indrelid = format('%I.%I', $1::text, $2::text)::regclass and i.indisprimary
     order by k.place`,
    [schema, name],
  );
  if (result.rows.length === 0) throw new Error(`${schema}.${name} has no primary key: its rows have no order.`);
  return result.rows.map(({ column, is_text }) => `"${column}"${is_text ? ' collate "C"' : ''}`).join(', ');
}
