import { openPool, type LocalServer, type Pool } from '@runseal/postgres';
import { createKey, SCOPE_NAMES } from '@runseal/runtime';
import type { ComposeService } from './compose-file.js';

/** Server settings of `postgres -c name=value ...`. */
export function settingsOf({ command }: ComposeService): Record<string, string> {
  const settings = command.filter((word) => word.includes('=')).map((word) => word.split('=', 2) as [string, string]);
  return Object.fromEntries(settings);
}

/** Does what the image of Postgres does at its first start: the database, and the roles that log in, with their passwords. */
export async function prepareDatabase(
  server: LocalServer,
  database: string,
  compose: Iterable<ComposeService>,
): Promise<void> {
  await withPool(server.url(), async (pool) => {
    const found = await pool.query('select from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await pool.query(`create database "${database}"`);
    for (const [role, password] of findLogins(compose)) {
      const known = await pool.query('select from pg_roles where rolname = $1', [role]);
      if (known.rowCount === 0) await pool.query(`create role "${role}" login noinherit password '${password}'`);
    }
  });
}

/** A key that may do everything, for the person who started the services. */
export function createAdminKey(superuserUrl: string, ledger: string): Promise<string> {
  return withPool(superuserUrl, async (pool) => {
    const { secret } = await createKey(pool, { principal: 'admin', kind: 'person', ledger, scopes: SCOPE_NAMES });
    return secret;
  });
}

/** Roles and passwords of every database URL in the services' environments. */
function findLogins(compose: Iterable<ComposeService>): Map<string, string> {
  const urls = [...compose]
    .filter(({ environment }) => 'PORT' in environment)
    .flatMap(({ environment }) => Object.values(environment))
    .filter((value) => value.startsWith('postgres://'))
    .map((value) => new URL(value));
  return new Map(urls.map(({ username, password }) => [username, password]));
}

async function withPool<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = openPool({ url, applicationName: 'runseal-scaled', connectionsMax: 1 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}
