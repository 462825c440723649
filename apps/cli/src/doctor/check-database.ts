import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { allMigrations } from '@runseal/standalone';
import {
  DirectoryHeadStore,
  findDurabilityFaults,
  findNewestEpoch,
  findNewestHead,
  isBehindPooler,
  readClockSkew,
} from '@runseal/ledger';
import { checkSchema, openDirectConnection, openPool, SchemaVersionError, type Pool } from '@runseal/postgres';
import { checkGrants } from './check-grants.js';
import { ok, unknown, wrong, type Finding } from './finding.js';

/** Seal refuses a clock that is 60 s off; half of it is time to act. */
const SKEW_MAX_MS = 30_000;

/** Schema, durability, poolers, clock, roles and grants, as far as the given role may look. */
export async function* checkDatabase(url: string): AsyncGenerator<Finding> {
  const pool = openPool({ url, applicationName: 'runseal-doctor', connectionsMax: 1, statementTimeout_ms: 10_000 });
  try {
    try {
      await pool.query('select 1');
    } catch (error) {
      yield unknown('database', (error as Error).message, 'Check the address given with --database, and that it runs.');
      return;
    }
    yield ok('database', 'reachable');
    yield await checkVersions(pool);
    yield await checkDurability(pool);
    yield await checkPooler(url);
    yield await checkClock(pool);
    yield* checkGrants(pool);
  } finally {
    await pool.end();
  }
}

async function checkVersions(pool: Pool): Promise<Finding> {
  try {
    await checkSchema(pool, await allMigrations());
    return ok('schema', 'of the version that this program needs');
  } catch (error) {
    if (!(error instanceof SchemaVersionError)) throw error;
    return wrong('schema', error.message, 'Run "runseal migrate --database URL" of the newest release.');
  }
}

async function checkDurability(pool: Pool): Promise<Finding> {
  const faults = await findDurabilityFaults(pool);
  if (faults.length === 0) return ok('durability', 'what is acknowledged is on disk');
  const settings = faults.map(({ setting, found, wanted }) => `${setting} is ${found}, wanted ${wanted}`).join('; ');
  return wrong('durability', settings, 'Set it in the configuration of Postgres and restart it.');
}

async function checkPooler(url: string): Promise<Finding> {
  const connection = await openDirectConnection(url, 'runseal-doctor');
  try {
    if (!(await isBehindPooler(connection))) return ok('connection', 'direct, no transaction pooler in between');
    return wrong('connection', 'a pooler is in between', 'Give the services the address of Postgres itself.');
  } finally {
    await connection.end();
  }
}

async function checkClock(pool: Pool): Promise<Finding> {
  const skew_ms = Math.round(await readClockSkew(pool));
  const found = `the database's clock is ${Math.abs(skew_ms)} ms ${skew_ms < 0 ? 'behind' : 'ahead of'} this machine's`;
  return Math.abs(skew_ms) <= SKEW_MAX_MS ? ok('clock', found) : wrong('clock', found, 'Run NTP on both machines.');
}

/** The newest head in a store outside the database, by when its file was written. */
export async function checkHeadStore(folder: string): Promise<Finding> {
  try {
    await readdir(folder);
    const store = new DirectoryHeadStore(folder);
    const epoch = await findNewestEpoch(store);
    const head = epoch === null ? null : await findNewestHead(store, epoch);
    if (!head)
      return wrong('outside heads', `${folder} holds none`, 'Bring them back from a copy: nothing is sealed without.');
    const { mtimeMs } = await stat(join(folder, String(head.epoch), String(head.number)));
    const age_s = Math.round((Date.now() - mtimeMs) / 1000);
    return ok('outside heads', `head ${head.number} of epoch ${head.epoch}, written ${age_s} s ago`);
  } catch (error) {
    return unknown('outside heads', (error as Error).message, `See that this user can read ${folder}.`);
  }
}
