import { equalBytes, HASH_LENGTH, TILE_WIDTH, TileBuilder, tilePath, type Inspection, type Tile } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import type { LedgerSource } from './ledger-source.js';

/** Compares the hash tiles of a source with those that its records give. A tile that is not there says nothing: it is a cache. */
export class TileComparison {
  /** Paths of tiles that differ. */
  readonly different: string[] = [];
  compared = 0;
  missing = 0;
  private readonly builder = new TileBuilder(sha256);
  private isOver = false;

  constructor(
    private readonly source: LedgerSource,
    private readonly size: number,
  ) {}

  add({ seq, storedHash, hash }: Inspection): void {
    // Over a hole there is no tree, and beyond the size no tile.
    if (seq !== this.builder.size || seq >= this.size) return;
    this.builder.append(storedHash.length === HASH_LENGTH ? storedHash : hash);
  }

  /** Compares what has come together since the last call; the partial tiles only once the tree is whole. */
  async compare(): Promise<void> {
    if (this.isOver) return;
    const isWhole = this.builder.size === this.size;
    const due = this.builder.take().filter(({ tile }) => isWhole || tile.width === TILE_WIDTH);
    const stored = await this.source.readTiles(due.map(({ tile }) => tile));
    due.forEach(({ tile, bytes }, place) => this.judge(tile, bytes, stored[place] ?? null));
    this.isOver = isWhole;
  }

  private judge(tile: Tile, bytes: Uint8Array, stored: Uint8Array | null): void {
    if (stored === null) {
      this.missing += 1;
      return;
    }
    this.compared += 1;
    const isEqual = equalBytes(stored, bytes.subarray(0, stored.length));
    if (!isEqual) this.different.push(tilePath(tile));
  }
}
