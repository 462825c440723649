import { concatBytes, type Sha256 } from './bytes.js';
import { consistencyProof, inclusionProof, type NodeReader } from './proof.js';
import { HASH_LENGTH } from './record.js';
import { nodeHasher } from './tree.js';

/** Hashes in a full tile (C2SP tlog-tiles). */
export const TILE_WIDTH = 256;

/** A tile's place: `level` counts steps of 256; 'entries' is the bundle of the entries themselves. Full at width 256. */
export interface Tile {
  level: number | 'entries';
  index: number;
  width: number;
}

/** `tile/<L>/<N>[.p/<W>]`, the tile's path below the log's prefix. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.../g) ?? [];
  const number = groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${number}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** The inverse of `tilePath`; null for any other text, other spellings of the same tile included. */
export function parseTilePath(path: string): Tile | null {
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path);
  if (match === null) return null;
  const [, levelText, number = '', width = String(TILE_WIDTH)] = match;
  const level = levelText === 'entries' ? 'entries' : Number(levelText);
  const tile: Tile = { level, index: Number(number.replaceAll(/[x/]/g, '')), width: Number(width) };
  const isLegal = (level === 'entries' || level <= 63) && Number.isSafeInteger(tile.index) && tile.width >= 1;
  return isLegal && tilePath(tile) === path ? tile : null;
}

/** Whether a tree of this size has this very tile: full where it is full, else with the size's own partial width. */
export function isTileOf(tile: Tile, size: number): boolean {
  return tile.width >= 1 && tile.width === tileWidth(tile.level, tile.index, size);
}

/** The hash tiles that are new or wider in the tree of size `to` than in that of `from`; from 0, all tiles of the tree. */
export function* tilesBetween(from: number, to: number): Generator<Tile> {
  for (let level = 0; hashesAt(level, to) > 0; level++) yield* tilesOfLevel(level, from, to);
}

/** As `tilesBetween`, for entry bundles. */
export function bundlesBetween(from: number, to: number): Generator<Tile> {
  return tilesOfLevel('entries', from, to);
}

function* tilesOfLevel(level: number | 'entries', from: number, to: number): Generator<Tile> {
  const [before, after] = [hashesAt(level, from), hashesAt(level, to)];
  if (after === before) return;
  for (let index = Math.floor(before / TILE_WIDTH); index * TILE_WIDTH < after; index++) {
    yield { level, index, width: tileWidth(level, index, to) };
  }
}

/** Hashes that a tree of this size has at a tile level: floor(size / 256^level). */
function hashesAt(level: number | 'entries', size: number): number {
  return level === 'entries' ? size : Math.floor(size / TILE_WIDTH ** level);
}

function tileWidth(level: number | 'entries', index: number, size: number): number {
  return Math.min(TILE_WIDTH, hashesAt(level, size) - index * TILE_WIDTH);
}

/**
 * Nodes of the tree of `size` out of its tiles, for proofs. Tiles are not checked but for their length (RangeError): whoever
 * does not trust them verifies the proof that comes out against a signed head.
 */
export function tileReader(sha256: Sha256, size: number, readTile: (tile: Tile) => Uint8Array): NodeReader {
  const hashPerfect = perfectHasher(sha256);
  return (level, index) => {
    const [tileLevel, count] = [Math.floor(level / 8), 2 ** (level % 8)];
    const first = index * count;
    const place = Math.floor(first / TILE_WIDTH);
    const tile: Tile = { level: tileLevel, index: place, width: tileWidth(tileLevel, place, size) };
    const bytes = readTile(tile);
    if (bytes.length !== tile.width * HASH_LENGTH || first + count > place * TILE_WIDTH + tile.width) {
      throw new RangeError(`${tilePath(tile)} has ${bytes.length} bytes, wanted ${tile.width * HASH_LENGTH}`);
    }
    const start = (first % TILE_WIDTH) * HASH_LENGTH;
    return hashPerfect(bytes.subarray(start, start + count * HASH_LENGTH));
  };
}

/** The tiles that an inclusion proof will read: fetch them, then build the proof without waiting. */
export function tilesForInclusion(index: number, size: number): Tile[] {
  return tilesRead(size, (read) => inclusionProof(noHash, read, index, size));
}

/** As `tilesForInclusion`, for a consistency proof. */
export function tilesForConsistency(oldSize: number, size: number): Tile[] {
  return tilesRead(size, (read) => consistencyProof(noHash, read, oldSize, size));
}

const noHash: Sha256 = () => new Uint8Array(HASH_LENGTH);

function tilesRead(size: number, build: (read: NodeReader) => unknown): Tile[] {
  const tiles = new Map<string, Tile>();
  const record = (tile: Tile): Uint8Array => {
    tiles.set(tilePath(tile), tile);
    return new Uint8Array(tile.width * HASH_LENGTH);
  };
  build(tileReader(noHash, size, record));
  return [...tiles.values()];
}

/** Root of a perfect subtree given as its concatenated hashes, a power of two of them. */
function perfectHasher(sha256: Sha256): (hashes: Uint8Array) => Uint8Array {
  const hashChildren = nodeHasher(sha256);
  return (hashes) => {
    let row: Uint8Array[] = Array.from({ length: hashes.length / HASH_LENGTH }, (_, place) =>
      hashes.slice(place * HASH_LENGTH, (place + 1) * HASH_LENGTH),
    );
    while (row.length > 1) {
      row = Array.from({ length: row.length / 2 }, (_, place) =>
        hashChildren(row[2 * place] as Uint8Array, row[2 * place + 1] as Uint8Array),
      );
    }
    return row[0] as Uint8Array;
  };
}

/**
 * Makes the hash tiles of a growing tree from its leaf hashes. It keeps the right edge (fewer than 256 hashes a level) and the
 * full tiles until they are taken. Give the partial tiles of the last published size to go on from there.
 */
export class TileBuilder {
  readonly #hashPerfect: (hashes: Uint8Array) => Uint8Array;
  readonly #edge: Uint8Array[][];
  readonly #full: { tile: Tile; bytes: Uint8Array }[] = [];
  #size: number;
  #sizeTaken: number;

  /** `partials[level]` is that level's partial tile, empty where its width is 0. Throws a RangeError on a wrong length. */
  constructor(sha256: Sha256, size = 0, partials: readonly Uint8Array[] = []) {
    this.#hashPerfect = perfectHasher(sha256);
    this.#edge = partials.map((bytes) =>
      Array.from({ length: Math.floor(bytes.length / HASH_LENGTH) }, (_, place) =>
        bytes.slice(place * HASH_LENGTH, (place + 1) * HASH_LENGTH),
      ),
    );
    for (let level = 0; level < partials.length || hashesAt(level, size) > 0; level++) {
      const wanted = (hashesAt(level, size) % TILE_WIDTH) * HASH_LENGTH;
      const found = partials[level]?.length ?? 0;
      if (found !== wanted) throw new RangeError(`partial tile of level ${level} has ${found} bytes, wanted ${wanted}`);
      this.#edge[level] ??= [];
    }
    this.#size = this.#sizeTaken = size;
  }

  get size(): number {
    return this.#size;
  }

  /** Appends one leaf hash. */
  append(leafHash: Uint8Array): void {
    this.#size += 1;
    let hash = leafHash;
    for (let level = 0; ; level++) {
      const edge = (this.#edge[level] ??= []);
      edge.push(hash);
      if (edge.length < TILE_WIDTH) return;
      const bytes = concatBytes(...edge);
      this.#full.push({ tile: { level, index: hashesAt(level + 1, this.#size) - 1, width: TILE_WIDTH }, bytes });
      edge.length = 0;
      hash = this.#hashPerfect(bytes);
    }
  }

  /** The tiles that are new or wider since the last call (or the start): those of `tilesBetween`, with their bytes. */
  take(): { tile: Tile; bytes: Uint8Array }[] {
    const full = this.#full.splice(0);
    const partial = [...tilesBetween(this.#sizeTaken, this.#size)]
      .filter((tile) => tile.width < TILE_WIDTH)
      .map((tile) => ({ tile, bytes: concatBytes(...(this.#edge[tile.level as number] ?? [])) }));
    this.#sizeTaken = this.#size;
    return [...full, ...partial];
  }
}
