import {
  consistencyProof,
  Frontier,
  inclusionProof,
  TILE_WIDTH,
  TileBuilder,
  tilePath,
  tileReader,
  tilesForConsistency,
  tilesForInclusion,
  type NodeReader,
  type Tile,
} from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';

/** A cache of a ledger's hash tiles. Nobody trusts it: what is read is checked against a signed head. */
export interface TileStore {
  write(tiles: readonly { tile: Tile; bytes: Uint8Array }[]): Promise<void>;
  /** The tile's hashes, or null where the store does not hold that many of them. */
  read(tile: Tile): Promise<Uint8Array | null>;
  /** Forgets every tile, because they do not lead to a signed root. */
  clear(): Promise<void>;
}

/** The hashes that lead from a record to the root of the tree of `size`; null where the store lacks a tile. */
export async function readInclusionProof(store: TileStore, index: number, size: number): Promise<Uint8Array[] | null> {
  const read = await fetchTiles(store, size, tilesForInclusion(index, size));
  return read && inclusionProof(sha256, read, index, size);
}

/** The hashes that prove the tree of `size` to extend that of `oldSize`; null where the store lacks a tile. */
export async function readConsistencyProof(
  store: TileStore,
  oldSize: number,
  size: number,
): Promise<Uint8Array[] | null> {
  const read = await fetchTiles(store, size, tilesForConsistency(oldSize, size));
  return read && consistencyProof(sha256, read, oldSize, size);
}

async function fetchTiles(store: TileStore, size: number, wanted: readonly Tile[]): Promise<NodeReader | null> {
  const found = new Map<string, Uint8Array>();
  for (const tile of wanted) {
    const bytes = await store.read(tile);
    if (!bytes) return null;
    found.set(tilePath(tile), bytes);
  }
  return tileReader(sha256, size, (tile) => found.get(tilePath(tile)) ?? new Uint8Array(0));
}

/** What a tree of `size` needs to grow on, out of its partial tiles; null where the store lacks one. Nothing is trusted yet. */
export async function readRightEdge(
  store: TileStore,
  size: number,
): Promise<{ frontier: Frontier; builder: TileBuilder } | null> {
  const partials: Uint8Array[] = [];
  const roots: Uint8Array[] = [];
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    const width = count % TILE_WIDTH;
    const bytes =
      width === 0 ? new Uint8Array(0) : await store.read({ level, index: Math.floor(count / TILE_WIDTH), width });
    if (!bytes) return null;
    partials.push(new Uint8Array(bytes));
    // The perfect subtrees of this level's hashes are perfect subtrees of the whole tree; higher levels stand further left.
    const subtrees = new Frontier(sha256);
    for (let place = 0; place < width; place++) subtrees.append(bytes.slice(32 * place, 32 * place + 32));
    roots.unshift(...subtrees.roots);
  }
  return { frontier: new Frontier(sha256, size, roots), builder: new TileBuilder(sha256, size, partials) };
}
