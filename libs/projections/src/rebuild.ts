import type { Position, RecordSource } from '@runseal/messaging';
import { sqlState, type Connection, type Pool } from '@runseal/postgres';
import { digestInTransaction, findDifferences, type SchemaDigest } from './digest.js';
import { isSamePosition, movePosition, readPosition } from './position-row.js';
import { projectRecord } from './project-record.js';
import { buildSchemaOf, schemaOf, type Projection } from './projection.js';
import { applyBatch } from './projector.js';
import { createTables, dropTables, holdSchema, listTables, moveTables, prepareTables, readDdl } from './tables.js';
import { chainVerifier } from './verify-records.js';

export interface RebuildOptions {
  /** Connected as the service's role. */
  readonly pool: Pool;
  readonly projection: Projection;
  readonly ledger: string;
  readonly source: RecordSource;
  /** Records of one page and transaction; 2,000 by default. */
  readonly recordsMax?: number;
  /** Told after each page how many records are projected, of how many. */
  readonly onProgress?: (records: number, of: number) => void;
}

export interface RebuildReport {
  /** `kept`: the new tables differ from the old ones, which stay. The new ones lie beside them until the next rebuild. */
  readonly outcome: 'swapped' | 'kept';
  /** Where both stand. */
  readonly position: Position | null;
  readonly records: number;
  /** For reading and projecting, without the digests. */
  readonly seconds: number;
  readonly before: SchemaDigest;
  readonly after: SchemaDigest;
  /** Tables that differ. */
  readonly differing: readonly string[];
}

/** For the batch that the live projector is at. */
const HOLD_LIMIT_MS = 30_000;

/**
 * Builds a projection anew from the ledger, beside the one in use, up to the position of that one, and puts it in its place where
 * both are equal. Queries go on meanwhile; the live projector, in whichever process, waits. Killed at any moment, it leaves the
 * tables in use as they were. Throws PoisonRecordError where the ledger is not intact, and where it does not hold the position.
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildReport> {
  const { pool, projection, ledger } = options;
  const live = schemaOf(projection);
  const build = buildSchemaOf(projection);
  const ddl = await readDdl(projection);
  await prepareTables(pool, projection, ledger);
  const connection = await pool.connect();
  try {
    await hold(connection, live);
    // Of a build that a crash of the server cuts short nothing is kept anyway.
    await connection.query(`set statement_timeout = 0; set synchronous_commit = off; set search_path = "${build}"`);
    const position = await readPosition(connection, live);
    await transact(connection, async () => {
      await dropTables(connection, build);
      await createTables(connection, build, { projection, ddl, ledger });
    });
    const started_ms = performance.now();
    const records = await project(connection, options, position);
    const seconds = (performance.now() - started_ms) / 1_000;
    await analyze(connection, build);
    const before = await transact(connection, () => digestInTransaction(connection, live));
    const after = await transact(connection, () => digestInTransaction(connection, build));
    const differing = findDifferences(before, after);
    if (differing.length === 0) await swap(connection, live, build);
    const outcome = differing.length === 0 ? 'swapped' : 'kept';
    return { outcome, position, records, seconds, before, after, differing };
  } finally {
    // Let go now, since the session ends a moment later, and with it the settings. Where it is gone, so is the hold.
    await connection.query('select pg_advisory_unlock_all()').catch(() => undefined);
    connection.release(true);
  }
}

async function hold(connection: Connection, schema: string): Promise<void> {
  try {
    await holdSchema(connection, schema, HOLD_LIMIT_MS);
  } catch (cause) {
    if (sqlState(cause) !== '55P03') throw cause;
    throw new Error(`${schema} is being built anew by another process already, or its projector does not let go.`, {
      cause,
    });
  }
}

/** Projects the ledger up to a position and returns how many records that were. The next page is read meanwhile. */
async function project(connection: Connection, options: RebuildOptions, to: Position | null): Promise<number> {
  if (!to) return 0;
  const { projection, ledger, source, recordsMax = 2_000, onProgress } = options;
  const build = buildSchemaOf(projection);
  const verify = chainVerifier();
  const read = (from: number) => {
    const page = source.read(ledger, from, Math.min(recordsMax, to.seq + 1 - from));
    page.catch(() => undefined); // awaited later, or never where this page fails first
    return page;
  };
  let stands: Position | null = null;
  let next = read(0);
  for (let pages = 1; (stands?.seq ?? -1) < to.seq; pages += 1) {
    const page = await next;
    const newest = page.at(-1);
    if (!newest) break;
    if (newest.seq < to.seq) next = read(newest.seq + 1);
    verify(page);
    let rest = page.map(projectRecord);
    while (rest.length > 0) {
      const { taken, position } = await transact(connection, async () => {
        const applied = await applyBatch(projection, rest, connection);
        await movePosition(connection, build, applied.position);
        return applied;
      });
      rest = rest.slice(taken);
      stands = position;
    }
    onProgress?.(newest.seq + 1, to.seq + 1);
    // The plans of the first pages were made for empty tables.
    if (Number.isInteger(Math.log10(pages))) await analyze(connection, build);
  }
  if (!isSamePosition(stands, to)) {
    throw new Error(
      `The ledger "${ledger}" does not hold record ${to.seq} of epoch ${to.epoch}, up to which ${schemaOf(projection)} was ` +
        `read. If it was restored, open a new epoch: the service then begins anew by itself.`,
    );
  }
  return to.seq + 1;
}

async function swap(connection: Connection, live: string, build: string): Promise<void> {
  await transact(connection, async () => {
    await connection.query('set local synchronous_commit = on');
    await dropTables(connection, live);
    await moveTables(connection, build, live);
  });
}

async function analyze(connection: Connection, schema: string): Promise<void> {
  const tables = (await listTables(connection, schema)).filter(({ isPartition }) => !isPartition);
  await connection.query(`analyze ${tables.map(({ name }) => `"${schema}"."${name}"`).join(', ')}`);
}

async function transact<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.query('begin');
  try {
    const result = await work();
    await connection.query('commit');
    return result;
  } catch (error) {
    // Where the connection is gone, so is the transaction.
    await connection.query('rollback').catch(() => undefined);
    throw error;
  }
}
