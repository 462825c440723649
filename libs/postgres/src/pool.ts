import pg from 'pg';

export type Pool = pg.Pool;
export type Connection = pg.ClientBase;
export type DirectConnection = pg.Client;

export interface PoolOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly connectionsMax?: number;
  /** A statement that runs longer is cancelled; 0 leaves it unlimited. */
  readonly statementTimeout_ms?: number;
  /** The schema in which unqualified names are looked up, beside Postgres' own. */
  readonly searchPath?: string;
}

// A bigint comes back as a number: every bigint of ours (seq, size, bytes) stays below 2^53 by the ledger's own limit.
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === 20 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format as 'text'),
};

/**
 * Opens a pool of lazily made connections. An idle connection that the server drops is replaced at the next use, so the
 * pool outlives a restart of Postgres; the query under way at that moment fails with the driver's error.
 */
export function openPool(options: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: options.searchPath ? withSearchPath(options.url, options.searchPath) : options.url,
    application_name: options.applicationName,
    max: options.connectionsMax ?? 5,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    types,
    ...(options.statementTimeout_ms ? { statement_timeout: options.statementTimeout_ms } : {}),
  });
  // Without a listener the loss of an idle connection would end the process. The next query reports the outage itself.
  pool.on('error', () => undefined);
  // The same for a connection that somebody holds: between two queries nobody else listens.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** In the URL, because options that stand there outweigh those beside it; its own ones stay. */
function withSearchPath(url: string, schema: string): string {
  const changed = new URL(url);
  const own = changed.searchParams.get('options');
  changed.searchParams.set('options', `${own ? `${own} ` : ''}-c search_path=${schema}`);
  return changed.toString();
}

/** Opens one connection of its own, for session locks and LISTEN, which a pooled connection would lose. The caller ends it. */
export async function openDirectConnection(url: string, applicationName: string): Promise<DirectConnection> {
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
    types,
  });
  // Without a listener the loss of the connection would end the process. Whoever must know listens to 'end'.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Runs `work` in one transaction: committed when it resolves, rolled back and rethrown when it rejects. */
export async function inTransaction<T>(pool: Pool, work: (connection: Connection) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((cause: Error) => (broken = cause));
    throw error;
  } finally {
    client.release(broken);
  }
}

/** The SQLSTATE of an error that Postgres raised, null for any other error. */
export function sqlState(error: unknown): string | null {
  return error instanceof pg.DatabaseError ? (error.code ?? null) : null;
}

/** True where the server could not be reached, went away or refuses work for now, so that trying again later makes sense. */
export function isUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  // 08 connection, 53 resources (disk full, memory, connections), 57P shutdown, 58 I/O.
  if (state !== null) return /^(08|53|57P|58)/.test(state);
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|EAI_AGAIN)/.test(code)) return true;
  return (
    error instanceof Error &&
    /Connection terminated|is not queryable|timeout exceeded when trying to connect/.test(error.message)
  );
}

const START_LIMIT_MS = 30_000;

/** Resolves once the server answers: at a start of a whole machine it may come up after its clients. Rejects after 30 s. */
export async function waitForDatabase(pool: Pool): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    try {
      await pool.query('select 1');
      return;
    } catch (error) {
      if (!isUnavailable(error) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
