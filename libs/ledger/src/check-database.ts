import type { DirectConnection, Pool } from '@runseal/postgres';

/** A setting under which "acknowledged" would not mean "durable". */
export interface DurabilityFault {
  readonly setting: string;
  readonly found: string;
  readonly wanted: string;
}

/** The server's settings that would lose acknowledged records in a crash; empty where all is well. */
export async function findDurabilityFaults(pool: Pool): Promise<DurabilityFault[]> {
  const result = await pool.query<{ setting: string; found: string }>(
    `select s.name as setting, s.setting as found
     from pg_settings s
     where s.name in ('fsync', 'full_page_writes', 'synchronous_commit') and s.setting = 'off'
     order by s.name`,
  );
  return result.rows.map((row) => ({ ...row, wanted: 'on' }));
}

/**
 * True where something between us and Postgres hands statements to other sessions (a transaction pooler). Such a pooler makes
 * up the process id that it greets with, and session locks would be lost behind it.
 */
export async function isBehindPooler(connection: DirectConnection): Promise<boolean> {
  const greeted = (connection as DirectConnection & { processID: number | null }).processID;
  const result = await connection.query<{ pid: number }>('select pg_backend_pid() as pid');
  return result.rows[0]?.pid !== greeted;
}

/** The database's clock minus ours, in milliseconds, to within the time that the question takes. */
export async function readClockSkew(pool: Pool): Promise<number> {
  const asked = Date.now();
  const result = await pool.query<{ now: Date }>('select clock_timestamp() as now');
  const answered = Date.now();
  return (result.rows[0]?.now.getTime() ?? Number.NaN) - (asked + answered) / 2;
}
