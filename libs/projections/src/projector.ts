import { setTimeout as wait } from 'node:timers/promises';
import type { SealedRecord } from '@runseal/chain';
import { StaleReaderError, type FeedReader, type Position } from '@runseal/messaging';
import { inTransaction, type Pool } from '@runseal/postgres';
import { isSamePosition, lockPosition, movePosition, readPosition } from './position-row.js';
import { projectRecord } from './project-record.js';
import { schemaOf, type ProjectedRecord, type Projection } from './projection.js';
import { createTables, dropTables, lockSchema, prepareTables, readDdl, tryWriting } from './tables.js';

export interface ProjectorOptions {
  /** Connected as the service's role. */
  readonly pool: Pool;
  readonly projection: Projection;
  readonly ledger: string;
  /**
   * Called after each commit with the position that was committed, and before reading goes on in this process from where it or
   * another one stopped: so whatever a process that died had left to do is done. A throw is tried again.
   */
  readonly afterCommit?: (position: Position) => Promise<void>;
  /** Records of one transaction; 500 by default. */
  readonly recordsMax?: number;
}

/**
 * Keeps a projection's tables: rows and position change in one transaction, so dying anywhere loses nothing and applies nothing
 * twice. The position is locked first and must be the one that this process last saw, else StaleReaderError: a process that was
 * paused while another one went on applies nothing.
 */
export class Projector implements FeedReader {
  readonly name: string;
  readonly ledger: string;
  private readonly schema: string;
  /** Undefined until it was asked for. */
  private last: Position | null | undefined;
  private move = Promise.withResolvers<void>();

  constructor(private readonly options: ProjectorOptions) {
    const { service, version } = options.projection;
    this.name = `${service}-v${version}`;
    this.ledger = options.ledger;
    this.schema = schemaOf(options.projection);
  }

  /**
   * Makes the tables where there are none: to be called before anything is served. Rejects where the schema is missing or its
   * tables are not this projection's.
   */
  prepare(): Promise<void> {
    return prepareTables(this.options.pool, this.options.projection, this.ledger);
  }

  async findPosition(): Promise<Position | null> {
    const { afterCommit } = this.options;
    this.last = undefined;
    const position = await this.readPosition();
    if (position) await afterCommit?.(position);
    this.last = position;
    return position;
  }

  async apply(records: readonly SealedRecord[]): Promise<void> {
    const { recordsMax = 500, afterCommit } = this.options;
    const { last } = this;
    if (last === undefined) throw new StaleReaderError(`${this.name} does not know its position yet.`);
    let rest = records.filter(({ seq }) => seq > (last?.seq ?? -1));
    while (rest.length > 0) {
      const batch = rest.slice(0, recordsMax).map(projectRecord);
      const { taken, position } = await this.commit(batch);
      this.last = position;
      this.move.resolve();
      this.move = Promise.withResolvers();
      rest = rest.slice(taken);
      await afterCommit?.(position);
    }
  }

  /** The ledger that was read is gone: drops all rows and begins before the first record. */
  async startOver(lost: Position): Promise<void> {
    const { pool, projection } = this.options;
    const ddl = await readDdl(projection);
    await inTransaction(pool, async (connection) => {
      await lockSchema(connection, this.schema);
      // Another process of this service may have begun anew before.
      if (!isSamePosition(await readPosition(connection, this.schema), lost)) return;
      await dropTables(connection, this.schema);
      await createTables(connection, this.schema, { projection, ddl, ledger: this.ledger });
    });
  }

  /** The committed position, whichever process moved it. Rejects before the tables were made. */
  readPosition(): Promise<Position | null> {
    return readPosition(this.options.pool, this.schema);
  }

  /** Resolves at the next commit of this process, or after `limit_ms`. */
  async waitForMove(limit_ms: number): Promise<void> {
    await Promise.race([this.move.promise, wait(limit_ms)]);
  }

  private commit(batch: readonly ProjectedRecord[]): Promise<{ taken: number; position: Position }> {
    const { pool, projection } = this.options;
    return inTransaction(pool, async (connection) => {
      if (!(await tryWriting(connection, this.schema))) {
        throw new Error(`${this.schema} is being built anew; ${this.name} goes on afterwards.`);
      }
      const found = await lockPosition(connection, this.schema);
      if (!isSamePosition(found, this.last ?? null)) {
        throw new StaleReaderError(
          `${this.name} left off at record ${this.last?.seq ?? 'none'}, the tables stand at ${found?.seq ?? 'none'}: another ` +
            `process went on.`,
        );
      }
      await connection.query(`set local search_path = "${this.schema}"`);
      const { taken, position } = await applyBatch(projection, batch, connection);
      await movePosition(connection, this.schema, position);
      return { taken, position };
    });
  }
}

/** Lets a projection take what it wants of a batch; the position is that of the last record which it took. */
export async function applyBatch(
  projection: Projection,
  batch: readonly ProjectedRecord[],
  connection: Parameters<Projection['apply']>[1],
): Promise<{ taken: number; position: Position }> {
  const taken = await projection.apply(batch, connection);
  const newest = batch[taken - 1];
  if (!newest) {
    throw new Error(
      `${projection.service} took ${taken} of ${batch.length} records, wanted at least 1 and at most all.`,
    );
  }
  return { taken, position: { epoch: newest.epoch, seq: newest.seq, hash: newest.hash } };
}
