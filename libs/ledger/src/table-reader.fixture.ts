import type { SealedRecord } from '@runseal/chain';
import { StaleReaderError, type FeedReader, type Position } from '@runseal/messaging';
import { inTransaction, type Pool } from '@runseal/postgres';

/** A small projection in a real table: rows and position in one transaction, the position compared with what was last written. */
export class TableReader implements FeedReader {
  /** What this process last knew to be the position; undefined until it asked. */
  private known: string | null | undefined;
  /** Runs before anything is written. */
  before: (records: readonly SealedRecord[]) => unknown = () => undefined;
  refused = 0;

  constructor(
    private readonly pool: Pool,
    readonly ledger: string,
    readonly name: string,
  ) {}

  static async createTables(pool: Pool): Promise<void> {
    await pool.query(`
      create table reader_positions (reader text primary key, epoch integer, seq bigint, hash text);
      create table reader_rows (number bigint generated always as identity, reader text, seq bigint, size integer)`);
  }

  async findPosition(): Promise<Position | null> {
    const { rows } = await this.pool.query<Position>(
      'select epoch, seq, hash from reader_positions where reader = $1 and seq is not null',
      [this.name],
    );
    this.known = rows[0]?.hash ?? null;
    return rows[0] ?? null;
  }

  async apply(records: readonly SealedRecord[]): Promise<void> {
    await this.before(records);
    const last = records.at(-1) as SealedRecord;
    const hash = Buffer.from(last.hash).toString('hex');
    await inTransaction(this.pool, async (connection) => {
      await connection.query('insert into reader_positions (reader) values ($1) on conflict do nothing', [this.name]);
      const { rows } = await connection.query<{ hash: string | null }>(
        'select hash from reader_positions where reader = $1 for update',
        [this.name],
      );
      if (rows[0]?.hash !== this.known) {
        this.refused += 1;
        throw new StaleReaderError('the position is not the one that this reader wrote');
      }
      await connection.query(
        `insert into reader_rows (reader, seq, size) select $1, r.seq, r.size from unnest($2::bigint[], $3::integer[]) as r (seq, size)`,
        [this.name, records.map(({ seq }) => seq), records.map(({ payload }) => payload?.length ?? 0)],
      );
      await connection.query('update reader_positions set epoch = $2, seq = $3, hash = $4 where reader = $1', [
        this.name,
        last.epoch,
        last.seq,
        hash,
      ]);
    });
    this.known = hash;
  }

  /** Seqs in the order in which they were written. */
  async seqs(): Promise<number[]> {
    const { rows } = await this.pool.query<{ seq: number }>(
      'select seq from reader_rows where reader = $1 order by number',
      [this.name],
    );
    return rows.map(({ seq }) => seq);
  }

  async newest(): Promise<number> {
    const { rows } = await this.pool.query<{ seq: number | null }>(
      'select seq from reader_positions where reader = $1',
      [this.name],
    );
    return rows[0]?.seq ?? -1;
  }
}
