import { toHex, type SealedRecord } from '@runseal/chain';
import { readRecords } from '@runseal/ledger';
import { StaleReaderError, type FeedReader, type Position } from '@runseal/messaging';
import type { Pool } from '@runseal/postgres';

/** Where records go. Resolves once they are there for good. */
export interface RecordPublisher {
  publishRecords(records: readonly SealedRecord[]): Promise<void>;
}

/**
 * A reader of the ledger that keeps nothing but publishes, in order. The position moves only after the brokers have acknowledged
 * the batch: dying in between publishes it twice, which readers skip. It never loses a record.
 */
export class RelayReader implements FeedReader {
  readonly name = 'relay';
  /** Where this process last saw the position. */
  private known: Position | null = null;

  constructor(
    private readonly pool: Pool,
    readonly ledger: string,
    private readonly publisher: RecordPublisher,
  ) {}

  async findPosition(): Promise<Position | null> {
    const { rows } = await this.pool.query<Position>({
      name: 'relay-position',
      text: 'select r.epoch, r.seq, r.hash from ingest.relay_positions r where r.ledger = $1',
      values: [this.ledger],
    });
    return (this.known = rows[0] ?? null);
  }

  async apply(records: readonly SealedRecord[]): Promise<void> {
    const last = records.at(-1);
    if (!last) return;
    await this.publisher.publishRecords(records);
    await this.move({ epoch: last.epoch, seq: last.seq, hash: toHex(last.hash) });
  }

  /** After a restore: back to the last record that the ledger kept, so that all that came in its new epochs is published. */
  async startOver(lost: Position): Promise<void> {
    const { rows } = await this.pool.query<{ seq: number | null }>(
      `select min(s.seq) as seq from ledger.sealed_records s
       where s.ledger = $1 and s.stream = $2 and s.type = 'ledger.restored' and s.epoch > $3`,
      [this.ledger, `ledger/${this.ledger}`, lost.epoch],
    );
    const from = rows[0]?.seq ?? 0;
    const [kept] = from > 0 ? await readRecords(this.pool, { ledger: this.ledger, from: from - 1, limit: 1 }) : [];
    await this.move(kept ? { epoch: kept.epoch, seq: kept.seq, hash: kept.hash.toString('hex') } : null);
  }

  /** Throws StaleReaderError where another process has moved it. */
  private async move(to: Position | null): Promise<void> {
    const { known } = this;
    const text = !to ? REMOVE : known ? MOVE : BEGIN;
    const wanted = to ? [to.epoch, to.seq, to.hash] : [];
    const held = known ? [known.epoch, known.seq, known.hash] : [];
    const { rowCount } = await this.pool.query(text, [this.ledger, ...held, ...wanted]);
    if (rowCount === 0) throw new StaleReaderError('another relay has moved the position');
    this.known = to;
  }
}

const BEGIN = `
insert into ingest.relay_positions (ledger, epoch, seq, hash)
values ($1, $2, $3, $4)
on conflict do nothing`;

const MOVE = `
update ingest.relay_positions set epoch = $5, seq = $6, hash = $7
where ledger = $1 and epoch = $2 and seq = $3 and hash = $4`;

const REMOVE = `
delete from ingest.relay_positions
where ledger = $1 and epoch = $2 and seq = $3 and hash = $4`;
