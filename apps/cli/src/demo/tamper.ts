import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inTransaction, openPool, type Connection, type Pool } from '@runseal/postgres';
import { findCredentials, type Credentials } from '../credentials.js';
import { writeNewFile } from '../new-file.js';
import { CliError, NO } from '../surroundings.js';
import { planOf, type Action, type Tampering, type Target } from './tampering.js';

/** How far back from the end a rewrite may begin: every record behind it is written anew, and kept for undoing. */
const REWRITTEN_MAX = 2_000;

interface Kept {
  readonly action: Action;
  readonly ledger: number;
  readonly from: number;
  readonly to: number;
  /** Rows as Postgres writes them to JSON. */
  readonly records: readonly unknown[];
  readonly payloads: readonly unknown[];
  /** The head row before, and the newest hash that the tampering left; null where it was not touched. */
  readonly head: {
    readonly before: { epoch: number; size: number; newest_hash: string };
    readonly left: string;
  } | null;
}

/** The embedded demo that may be tampered with: the nearest credentials, their database on this machine. */
export async function findDemo(folder: string): Promise<Credentials & { database_url: string }> {
  const credentials = await findCredentials(folder);
  const database_url = credentials?.database_url;
  if (!credentials || database_url === undefined) {
    throw new CliError('There is no embedded demo here. Start one: "runseal standalone", or "npm run quickstart".');
  }
  if (!URL.canParse(database_url) || new URL(database_url).hostname !== '127.0.0.1') {
    throw new CliError(
      `Only the embedded demo on 127.0.0.1 may be tampered with, not the database in ${credentials.path}.`,
      NO,
    );
  }
  return { ...credentials, database_url };
}

/** Does it as the superuser, in one transaction, and returns the SQL. What is needed to undo it is on disk before it is done. */
export async function tamper(demo: Credentials & { database_url: string }, action: Action): Promise<readonly string[]> {
  const kept = await readKept(demo);
  if (kept)
    throw new CliError(
      `The demo was tampered with before (${kept.action}). Run "runseal demo tamper --undo" first.`,
      NO,
    );
  return withDatabase(demo, (pool) =>
    inTransaction(pool, async (connection) => {
      const target = await findTarget(connection, action);
      const plan = planOf[action](target);
      const before = await readRows(connection, target.ledger, plan);
      const head = await readHead(connection, target.ledger);
      for (const statement of plan.sql) await connection.query(statement);
      const left = (await readHead(connection, target.ledger)).newest_hash;
      const { from, to, movesHeadRow } = plan;
      const keep: Kept = {
        action,
        ledger: target.ledger,
        from,
        to,
        ...before,
        head: movesHeadRow ? { before: head, left } : null,
      };
      await writeNewFile(keptPath(demo), [`${JSON.stringify(keep)}\n`]);
      return plan.sql;
    }),
  );
}

/** Puts the kept rows back. Returns what had been done. */
export async function undo(demo: Credentials & { database_url: string }): Promise<Action> {
  const kept = await readKept(demo);
  if (!kept) throw new CliError('There is nothing to undo.', NO);
  const { ledger, from, to, records, payloads, head } = kept;
  await withDatabase(demo, (pool) =>
    inTransaction(pool, async (connection) => {
      if (head && (await readHead(connection, ledger)).newest_hash !== head.left) {
        throw new CliError(
          'Records were sealed since: the rest cannot be put back under them. Start with a new folder.',
          NO,
        );
      }
      for (const table of ['payloads', 'records']) {
        await connection.query(`delete from ledger.${table} where ledger = $1 and seq >= $2 and seq < $3`, [
          ledger,
          from,
          to,
        ]);
      }
      for (const [table, rows] of Object.entries({ records, payloads })) {
        const text = `insert into ledger.${table} select * from json_populate_recordset(null::ledger.${table}, $1::json)`;
        await connection.query(text, [JSON.stringify(rows)]);
      }
      if (head) {
        await connection.query(
          'update ledger.ledgers set epoch = $2, size = $3, newest_hash = $4::bytea where ledger = $1',
          [ledger, head.before.epoch, head.before.size, head.before.newest_hash],
        );
      }
    }),
  );
  await rm(keptPath(demo));
  return kept.action;
}

function keptPath({ path }: Credentials): string {
  return join(dirname(path), 'tampered.json');
}

async function readKept(demo: Credentials): Promise<Kept | null> {
  try {
    return JSON.parse(await readFile(keptPath(demo), 'utf8')) as Kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function withDatabase<T>(
  { database_url }: { database_url: string },
  work: (pool: Pool) => Promise<T>,
): Promise<T> {
  const pool = openPool({ url: database_url, applicationName: 'runseal-demo', connectionsMax: 1 });
  try {
    return await work(pool);
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const message = (cause as Error).message.replace(/\.$/, '');
    throw new CliError(`The demo's database said: ${message}. Is "runseal standalone" running?`, 2, { cause });
  } finally {
    await pool.end();
  }
}

/** A record in the middle of those that hold a loss; for a rewrite one near the end. */
async function findTarget(connection: Connection, action: Action): Promise<Target> {
  const { rows } = await connection.query<Target>(
    `with losses as (
      select l.ledger, p.seq, l.size, row_number() over (order by p.seq) as place, count(*) over () as losses
      from ledger.ledgers l
      join ledger.payloads p on p.ledger = l.ledger
      where p.seq >= l.size - $1 and p.seq between 1 and l.size - 2
        and position('"loss":' in convert_from(p.payload, 'UTF8')) > 0
    )
    select ledger, seq, size from losses where place = (losses + 1) / 2`,
    [action === 'rewrite' ? REWRITTEN_MAX : Number.MAX_SAFE_INTEGER],
  );
  const [target] = rows;
  if (!target) throw new CliError('No record holds a loss yet. Run "npm run quickstart", or record a run.', NO);
  return target;
}

async function readRows(connection: Connection, ledger: number, { from, to }: Tampering) {
  const read = async (table: string): Promise<unknown[]> => {
    const { rows } = await connection.query<{ rows: unknown[] | null }>(
      `select json_agg(t order by t.seq) as rows from ledger.${table} t where t.ledger = $1 and t.seq >= $2 and t.seq < $3`,
      [ledger, from, to],
    );
    return rows[0]?.rows ?? [];
  };
  return { records: await read('records'), payloads: await read('payloads') };
}

async function readHead(connection: Connection, ledger: number) {
  const { rows } = await connection.query<{ epoch: number; size: number; newest_hash: string }>(
    'select epoch, size, newest_hash::text as newest_hash from ledger.ledgers where ledger = $1 for update',
    [ledger],
  );
  const [head] = rows;
  if (!head) throw new CliError('The head row of the ledger is gone. Start with a new folder.', NO);
  return head;
}
