import { fromUtf8, parseEnvelope, recordInspector, type Tile } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { readLedgerState, readRecords, streamRecords, type StoredRecord, toSealedRecord } from '@runseal/ledger';
import { openPool, sqlState, type Pool } from '@runseal/postgres';
import { readOpening, readRestored, type Claims, type Inspected, type LedgerSource } from './ledger-source.js';

/** A ledger in its database, read as any role that may (`runseal_auditor` is made for it). Stored bytes are hashed as they are. */
export class DatabaseSource implements LedgerSource {
  private readonly pool: Pool;
  private readonly inspect = recordInspector(sha256);

  constructor(
    url: string,
    private readonly ledger: string,
  ) {
    this.pool = openPool({ url, applicationName: 'runseal-verify', connectionsMax: 2 });
  }

  async readClaims(): Promise<Claims> {
    const { pool, ledger } = this;
    const state = await readLedgerState(pool, ledger);
    const [first] = await readRecords(pool, { ledger, from: 0, to: 1, limit: 1 });
    const stream = `ledger/${ledger}`;
    const restored = await readRecords(pool, { ledger, from: 0, stream, type: 'ledger.restored', limit: 1_000 });
    const opening = readOpening(textOf(first?.payload ?? null));
    return {
      ledger,
      log: opening.log,
      keys: opening.key === null ? [] : [opening.key],
      heads: [],
      laterEpochs: restored
        .map(({ seq, payload }) => readRestored(seq, textOf(payload)))
        .filter((epoch) => epoch !== null),
      withheld: null,
      total: state?.size ?? null,
      tiledSize: (await this.canReadTiles()) ? (state?.size ?? null) : null,
    };
  }

  async *read(): AsyncGenerator<{ records: Inspected[]; done: number }> {
    for await (const page of streamRecords(this.pool, { ledger: this.ledger, from: 0 })) {
      yield { records: page.map((stored) => this.inspectStored(stored)), done: (page.at(-1)?.seq ?? 0) + 1 };
    }
  }

  async readTiles(tiles: readonly Tile[]): Promise<(Uint8Array | null)[]> {
    if (tiles.length === 0) return [];
    const { rows } = await this.pool.query<{ place: number; hashes: Buffer }>(
      `select w.place::integer, t.hashes
       from unnest($2::smallint[], $3::bigint[]) with ordinality as w (level, index, place)
       join ingest.tiles t on t.ledger = $1 and t.level = w.level and t.index = w.index`,
      [this.ledger, tiles.map(({ level }) => level), tiles.map(({ index }) => index)],
    );
    const found = new Map(rows.map(({ place, hashes }) => [place - 1, hashes]));
    return tiles.map(({ width }, place) => found.get(place)?.subarray(0, 32 * width) ?? null);
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  /** The columns beside the envelope find records, so they must say what it says. */
  private inspectStored(stored: StoredRecord): Inspected {
    const record = toSealedRecord(this.ledger, stored);
    const inspection = this.inspect(record);
    const isContentIntact = inspection.isContentIntact && repeatsEnvelope(stored);
    return { record, inspection: { ...inspection, isContentIntact } };
  }

  private async canReadTiles(): Promise<boolean> {
    try {
      await this.pool.query('select from ingest.tiles limit 1');
      return true;
    } catch (error) {
      // No such schema or table, or no right to read it.
      if (['3F000', '42P01', '42501'].includes(sqlState(error) ?? '')) return false;
      throw error;
    }
  }
}

function repeatsEnvelope({ event_id, type, stream, envelope }: StoredRecord): boolean {
  try {
    const told = parseEnvelope(fromUtf8(envelope));
    return told.id === event_id && told.type === type && told.stream === stream;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function textOf(payload: Uint8Array | null): string | null {
  return payload === null ? null : Buffer.from(payload).toString('utf8');
}
