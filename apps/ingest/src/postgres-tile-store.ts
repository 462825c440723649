import { tilePath, type Tile } from '@runseal/chain';
import type { TileStore } from '@runseal/ledger';
import type { Pool } from '@runseal/postgres';

/** Tiles in a table of the service's own: one row a tile, which widens until it holds 256 hashes. */
export class PostgresTileStore implements TileStore {
  constructor(
    private readonly pool: Pool,
    private readonly ledger: string,
  ) {}

  async write(tiles: readonly { tile: Tile; bytes: Uint8Array }[]): Promise<void> {
    if (tiles.length === 0) return;
    await this.pool.query(
      `
insert into ingest.tiles (ledger, level, index, hashes)
select $1, t.level, t.index, decode(t.hashes, 'hex')
from unnest($2::smallint[], $3::bigint[], $4::text[]) as t (level, index, hashes)
on conflict (ledger, level, index) do update
set hashes = excluded.hashes
where octet_length(tiles.hashes) <= octet_length(excluded.hashes)`,
      [
        this.ledger,
        tiles.map(({ tile }) => tile.level),
        tiles.map(({ tile }) => tile.index),
        tiles.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
      ],
    );
  }

  async read(tile: Tile): Promise<Uint8Array | null> {
    if (tile.level === 'entries') throw new TypeError(`${tilePath(tile)} holds entries, not hashes`);
    const result = await this.pool.query<{ hashes: Buffer }>({
      name: 'read-tile',
      text: 'select t.hashes from ingest.tiles t where t.ledger = $1 and t.level = $2 and t.index = $3',
      values: [this.ledger, tile.level, tile.index],
    });
    const hashes = result.rows[0]?.hashes;
    return hashes && hashes.length >= 32 * tile.width ? hashes.subarray(0, 32 * tile.width) : null;
  }

  async clear(): Promise<void> {
    await this.pool.query('delete from ingest.tiles where ledger = $1', [this.ledger]);
  }
}
