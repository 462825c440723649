import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { openDirectConnection, type Connection, type Pool } from './pool.js';

export interface Migration {
  /** The part that the file belongs to: `ledger`, `access`, `ingest`, ... */
  readonly component: string;
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

/** Thrown when a database and a program are not of the same schema version; the message names both. */
export class SchemaVersionError extends Error {
  override readonly name = 'SchemaVersionError';
}

/** Reads `<number>-<name>.sql` of a folder, in order of number. Numbers start at 1 and have no holes. */
export async function readMigrations(component: string, folder: URL): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file, index) => {
      const match = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file);
      if (!match || Number(match[1]) !== index + 1) {
        throw new Error(
          `Migration ${component}/${file} is out of place: expected number ${index + 1} as NNNN-name.sql.`,
        );
      }
      const sql = await readFile(new URL(file, folder), 'utf8');
      const sha256 = createHash('sha256').update(sql).digest('hex');
      return {
        component,
        number: index + 1,
        name: match[2] ?? '',
        sql,
        sha256,
      };
    }),
  );
}

/** The role that owns every object of ours; it cannot log in and nobody stays its member. */
export const OWNER_ROLE = 'runseal_owner';

// Two migrations at once (two pods, two people) take turns on this lock: the bytes of "runseal".
const MIGRATION_LOCK = '0x72756e7365616c';

const BOOKKEEPING = `
create schema if not exists migrations;
create table if not exists migrations.applied (
  component text not null,
  number integer not null,
  name text not null,
  sha256 text not null,
  applied_at timestamptz not null default now(),
  primary key (component, number)
);
grant usage on schema migrations to public;
grant select on migrations.applied to public;
`;

/**
 * Applies what is missing, each file in a transaction of its own, and returns what it applied. Needs CREATEROLE and CREATE
 * on the database, no superuser. Idempotent; a second caller waits. Throws SchemaVersionError where an applied file differs.
 */
export async function migrate(url: string, migrations: readonly Migration[]): Promise<Migration[]> {
  const connection = await openDirectConnection(url, 'runseal-migrate');
  try {
    await connection.query(`select pg_advisory_lock(${BigInt(MIGRATION_LOCK)})`);
    if (!(await hasBookkeeping(connection))) await connection.query(BOOKKEEPING);
    const pending = findPending(migrations, await readApplied(connection));
    await makeOwner(connection);
    for (const migration of pending) await apply(connection, migration);
    return pending;
  } finally {
    await connection.end();
  }
}

/** What `migrate` would apply, without changing anything. */
export async function findPendingMigrations(url: string, migrations: readonly Migration[]): Promise<Migration[]> {
  const connection = await openDirectConnection(url, 'runseal-migrate');
  try {
    return findPending(migrations, (await hasBookkeeping(connection)) ? await readApplied(connection) : []);
  } finally {
    await connection.end();
  }
}

/** Throws SchemaVersionError unless the database has exactly these migrations of these components. */
export async function checkSchema(pool: Pool | Connection, migrations: readonly Migration[]): Promise<void> {
  const applied = (await hasBookkeeping(pool)) ? await readApplied(pool) : [];
  for (const component of new Set(migrations.map((migration) => migration.component))) {
    const wanted = migrations.filter((migration) => migration.component === component);
    const found = applied.filter((row) => row.component === component);
    const newest = (rows: { number: number }[]) => Math.max(0, ...rows.map((row) => row.number));
    if (newest(found) !== newest(wanted)) {
      throw new SchemaVersionError(
        `Schema "${component}" of the database is at version ${newest(found)}, this program needs version ` +
          `${newest(wanted)}. Run "runseal migrate" of the matching release.`,
      );
    }
    findPending(wanted, found);
  }
}

type Applied = Pick<Migration, 'component' | 'number' | 'name' | 'sha256'>;

function findPending(migrations: readonly Migration[], applied: readonly Applied[]): Migration[] {
  const byKey = new Map(applied.map((row) => [`${row.component}/${row.number}`, row]));
  return migrations.filter((migration) => {
    const row = byKey.get(`${migration.component}/${migration.number}`);
    if (row && row.sha256 !== migration.sha256) {
      throw new SchemaVersionError(
        `Migration ${migration.component}/${migration.number} was applied with SHA-256 ${row.sha256} as "${row.name}", ` +
          `this program brings ${migration.sha256} as "${migration.name}". A released migration never changes: use the ` +
          `release that the database was made with, or a newer one.`,
      );
    }
    return row === undefined;
  });
}

async function hasBookkeeping(connection: Pool | Connection): Promise<boolean> {
  const result = await connection.query<{ present: boolean }>(
    `select to_regclass('migrations.applied') is not null as present`,
  );
  return result.rows[0]?.present === true;
}

async function readApplied(connection: Pool | Connection): Promise<Applied[]> {
  const result = await connection.query<Applied>(
    'select component, number, name, sha256 from migrations.applied order by component, number',
  );
  return result.rows;
}

async function apply(connection: Connection, migration: Migration): Promise<void> {
  try {
    await connection.query('begin');
    await connection.query(JOIN_OWNER);
    await connection.query(migration.sql);
    await connection.query('reset role');
    await connection.query(LEAVE_OWNER);
    await connection.query('insert into migrations.applied (component, number, name, sha256) values ($1, $2, $3, $4)', [
      migration.component,
      migration.number,
      migration.name,
      migration.sha256,
    ]);
    await connection.query('commit');
  } catch (cause) {
    await connection.query('rollback');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Migration ${migration.component}/${migration.number} (${migration.name}) failed: ${reason}`, {
      cause,
    });
  }
}

/** Makes the owner role where there is none. */
async function makeOwner(connection: Connection): Promise<void> {
  await connection.query(`
    do $$
    begin
      if not exists (select from pg_roles where rolname = '${OWNER_ROLE}') then
        create role ${OWNER_ROLE} nologin;
      end if;
    exception when duplicate_object or unique_violation then
      null; -- another database of the same server made it at the same moment
    end $$`);
}

// Objects must be made in the owner's name, and nobody may stay its member: it is free to drop triggers and edit rows. Inside
// the transaction of one file, so that a failure or a kill leaves no member, and migrations of other databases of the same
// server, which share the role, neither lose their membership to this one nor see it.
const JOIN_OWNER = `
grant ${OWNER_ROLE} to current_user;
do $$ begin execute format('grant create on database %I to ${OWNER_ROLE}', current_database()); end $$;
`;
const LEAVE_OWNER = `
do $$ begin execute format('revoke create on database %I from ${OWNER_ROLE}', current_database()); end $$;
revoke ${OWNER_ROLE} from current_user;
`;
