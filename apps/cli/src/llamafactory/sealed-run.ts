import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { inTransaction, sqlState, type Connection, type Pool } from '@runseal/postgres';
import { schemaOf, type Projection } from './projection.js';

/** Longer than this no reader waits behind a swap; below Postgres' deadlock_timeout, so that it is never the one to be ended. */
const TABLES_LOCK_LIMIT_MS = 400;
const TABLES_LOCK_TRIES_MAX = 150;

/**
 * Makes a projection's tables where there are none. Throws where the schema is missing, or its tables were made for another
 * ledger or by another definition: a changed projection is a new version. Several processes may call it at once.
 */
export async function prepareTables(pool: Pool, projection: Projection, ledger: string): Promise<void> {
  const schema = schemaOf(projection);
  const ddl = await readDdl(projection);
  const makeMissing = (isLocked: boolean) =>
    inTransaction(pool, async (connection) => {
      if (isLocked) await lockSchema(connection, schema);
      const areThere = (await listTables(connection, schema)).length > 0;
      if (areThere) await checkTables(connection, schema, { projection, ddl, ledger });
      else if (isLocked) await createTables(connection, schema, { projection, ddl, ledger });
      return areThere || isLocked;
    });
  // First without the lock, which a rebuild may hold for long.
  if (!(await makeMissing(false))) await makeMissing(true);
}

interface Made {
  readonly projection: Projection;
  readonly ddl: string;
  readonly ledger: string;
}

async function checkTables(connection: Connection, schema: string, { projection, ddl, ledger }: Made): Promise<void> {
  const result = await connection.query<{ ledger: string; ddl_sha256: string }>(
    `select ledger, ddl_sha256 from "${schema}"."position"`,
  );
  const found = result.rows[0];
  if (found?.ledger !== ledger) {
    throw new Error(`The tables of ${schema} hold the ledger "${found?.ledger}", wanted "${ledger}".`);
  }
  if (found.ddl_sha256 === sha256(ddl)) return;
  throw new Error(
    `The tables of ${schema} were made by another definition than ${projection.ddl.pathname.split('/').at(-1)} is now. ` +
      `Tables of a version never change: give the projection a new version.`,
  );
}

/** Makes all tables of a projection in an empty schema, inside the caller's transaction. */
export async function createTables(
  connection: Connection,
  schema: string,
  { projection, ddl, ledger }: Made,
): Promise<void> {
  await connection.query(`set local search_path = "${schema}"`);
  await connection.query(ddl);
  // One row. No clock in it: what two builds of the same records hold must be equal.
  await connection.query(`
create table "${schema}"."position" (
  is_only boolean primary key default true check (is_only),
  ledger text collate "C" not null,
  version integer not null,
  ddl_sha256 text collate "C" not null,
  epoch integer,
  seq bigint,
  hash text collate "C",
  check (num_nulls(epoch, seq, hash) in (0, 3))
) with (fillfactor = 50)`);
  await connection.query(`insert into "${schema}"."position" (ledger, version, ddl_sha256) values ($1, $2, $3)`, [
    ledger,
    projection.version,
    sha256(ddl),
  ]);
  const strange = await connection.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = $1::regnamespace and relkind not in ('r', 'p', 'i', 'I')`,
    [schema],
  );
  if (strange.rows[0]) {
    throw new Error(
      `${schema} has ${strange.rows[0].name}, wanted tables and indexes only: no view, sequence or identity.`,
    );
  }
}

export const readDdl = (projection: Projection): Promise<string> => readFile(projection.ddl, 'utf8');

export interface Table {
  readonly name: string;
  readonly isPartition: boolean;
}

/** The tables of a schema, partitions after what they are parts of. Throws where there is no such schema. */
export async function listTables(connection: Connection, schema: string): Promise<Table[]> {
  const present = await connection.query<{ oid: string | null }>(`select to_regnamespace($1)::text as oid`, [schema]);
  if (!present.rows[0]?.oid) {
    throw new Error(`The database has no schema "${schema}". Run "runseal migrate" of this release.`);
  }
  const result = await connection.query<Table>(
    `select relname as name, relispartition as "isPartition"
     from pg_class
     where relnamespace = $1::regnamespace and relkind in ('r', 'p')
     order by relispartition, relname`,
    [schema],
  );
  return result.rows;
}

/**
 * Drops all tables of a schema inside the caller's transaction. Waits for readers' queries, but makes new ones wait behind it
 * only for moments: it gives its place up and tries again.
 */
export async function dropTables(connection: Connection, schema: string): Promise<void> {
  const tables = (await listTables(connection, schema)).filter(({ isPartition }) => !isPartition);
  if (tables.length === 0) return;
  const names = tables.map(({ name }) => `"${schema}"."${name}"`).join(', ');
  await connection.query(`set local lock_timeout = ${TABLES_LOCK_LIMIT_MS}`);
  await connection.query('savepoint tables');
  for (let tries = 1; ; tries += 1) {
    try {
      await connection.query(`lock table ${names} in access exclusive mode`);
      break;
    } catch (error) {
      if (sqlState(error) !== '55P03' || tries === TABLES_LOCK_TRIES_MAX) throw error;
      await connection.query('rollback to savepoint tables');
      await wait(100);
    }
  }
  await connection.query(`drop table ${names}`);
}

/** Moves all tables of one schema to another, empty one, inside the caller's transaction. Indexes follow. */
export async function moveTables(connection: Connection, from: string, to: string): Promise<void> {
  for (const { name } of await listTables(connection, from)) {
    await connection.query(`alter table "${from}"."${name}" set schema "${to}"`);
  }
}

/**
 * Waits until nobody writes to a schema's tables, and keeps it so until the transaction ends. Always taken before anything is
 * asked of the tables: a row or table lock would be in the way of the swap.
 */
export async function lockSchema(connection: Connection, schema: string): Promise<void> {
  await connection.query(`select pg_advisory_xact_lock(${lockKey(schema)})`);
}

/** Whether this transaction may write to a schema's tables; false while a rebuild holds them. Never waits. */
export async function tryWriting(connection: Connection, schema: string): Promise<boolean> {
  const result = await connection.query<{ free: boolean }>(
    `select pg_try_advisory_xact_lock_shared(${lockKey(schema)}) as free`,
  );
  return result.rows[0]?.free === true;
}

/** As `lockSchema`, for a session: until `connection` ends. Throws SQLSTATE 55P03 after `limit_ms`. */
export async function holdSchema(connection: Connection, schema: string, limit_ms: number): Promise<void> {
  await connection.query(`set lock_timeout = ${limit_ms}`);
  await connection.query(`select pg_advisory_lock(${lockKey(schema)})`);
  await connection.query('set lock_timeout = 0');
}

const lockKey = (schema: string): string => `hashtextextended('runseal-projection ${schema}', 0)`;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
