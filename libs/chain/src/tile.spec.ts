import fc from 'fast-check';
import { concatBytes, toHex } from './bytes.js';
import { sha256 } from './node.js';
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from './proof.js';
import { Frontier } from './tree.js';
import {
  bundlesBetween,
  isTileOf,
  parseTilePath,
  TileBuilder,
  tilePath,
  tileReader,
  tilesBetween,
  tilesForConsistency,
  tilesForInclusion,
  type Tile,
} from './tile.js';
import { referenceRoot } from './reference-tree.fixture.js';

const leafHash = (index: number) => sha256(Uint8Array.of(index >> 16, index >> 8, index));
const BIG = 70_000;
const leaves = Array.from({ length: BIG }, (_, index) => leafHash(index));
const rootAt = (size: number) => {
  const frontier = new Frontier(sha256);
  for (let index = 0; index < size; index++) frontier.append(leaves[index] as Uint8Array);
  return frontier.root();
};
const buildTo = (...sizes: number[]) => {
  const builder = new TileBuilder(sha256);
  const store = new Map<string, Uint8Array>();
  for (const size of sizes) {
    while (builder.size < size) builder.append(leaves[builder.size] as Uint8Array);
    for (const { tile, bytes } of builder.take()) store.set(tilePath(tile), bytes);
  }
  return store;
};

describe('tilePath', () => {
  it.each<[string, Tile]>([
    ['tile/0/000', { level: 0, index: 0, width: 256 }],
    ['tile/0/x001/x234/067', { level: 0, index: 1_234_067, width: 256 }],
    ['tile/3/x001/000.p/17', { level: 3, index: 1000, width: 17 }],
    ['tile/entries/273.p/112', { level: 'entries', index: 273, width: 112 }],
    ['tile/63/999', { level: 63, index: 999, width: 256 }],
  ])('writes and reads %s', (path, tile) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  it('is read back for any tile', () => {
    const anyTile = fc.record({
      level: fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const)),
      index: fc.maxSafeNat(),
      width: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(fc.property(anyTile, (tile) => expect(parseTilePath(tilePath(tile))).toEqual(tile)));
  });

  it.each([
    'tile/0/0',
    'tile/0/x000/001',
    'tile/00/000',
    'tile/64/000',
    'tile/0/001/002',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/Entries/000',
    'tile/0/../000',
    '/tile/0/000',
    'tile/0/000\n',
  ])('refuses %p', (path) => expect(parseTilePath(path)).toBeNull());
});

describe('tilesBetween', () => {
  it('names the tiles that the format names for a tree of 70,000', () => {
    const tiles = [...tilesBetween(0, BIG)];
    const count = (level: number, isFull: boolean) =>
      tiles.filter((tile) => tile.level === level && (tile.width === 256) === isFull).length;
    expect([0, 1, 2].map((level) => [count(level, true), count(level, false)])).toEqual([
      [273, 1],
      [1, 1],
      [0, 1],
    ]);
    expect(tiles.filter((tile) => tile.width < 256).map((tile) => tile.width)).toEqual([112, 17, 1]);
    expect([...bundlesBetween(0, BIG)].length).toBe(274);
  });

  it('gives a tree of 256 a full tile and a partial one above it', () => {
    expect([...tilesBetween(0, 256)].map(tilePath)).toEqual(['tile/0/000', 'tile/1/000.p/1']);
  });

  it('gives only what is new, so that a tree grown in steps has every tile of its size', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(steps, (widths) => {
        let size = 0;
        const seen = new Set<string>();
        for (const width of widths) {
          for (const tile of tilesBetween(size, size + width)) {
            expect(isTileOf(tile, size + width)).toBe(true);
            expect(isTileOf(tile, size)).toBe(false);
            seen.add(tilePath(tile));
          }
          size += width;
        }
        for (const tile of tilesBetween(0, size)) expect(seen).toContain(tilePath(tile));
      }),
    );
  });
});

describe('isTileOf', () => {
  it('refuses tiles beyond the size, of another width and empty ones', () => {
    expect(isTileOf({ level: 0, index: 1, width: 256 }, 300)).toBe(false);
    expect(isTileOf({ level: 0, index: 1, width: 44 }, 300)).toBe(true);
    expect(isTileOf({ level: 0, index: 2, width: 256 }, 300)).toBe(false);
    expect(isTileOf({ level: 1, index: 0, width: 0 }, 255)).toBe(false);
    expect(isTileOf({ level: 'entries', index: 0, width: 256 }, 300)).toBe(true);
  });
});

describe('TileBuilder', () => {
  it('makes exactly the tiles of tilesBetween, each the hashes of its subtree', () => {
    const store = buildTo(600);
    expect([...store.keys()].sort()).toEqual([...tilesBetween(0, 600)].map(tilePath).sort());
    expect(store.get('tile/0/002.p/88')).toEqual(concatBytes(...leaves.slice(512, 600)));
    const level1 = concatBytes(
      referenceRoot(sha256, leaves.slice(0, 256)),
      referenceRoot(sha256, leaves.slice(256, 512)),
    );
    expect(toHex(store.get('tile/1/000.p/2') as Uint8Array)).toBe(toHex(level1));
  });

  it('goes on from the partial tiles of a published size', () => {
    const before = buildTo(300);
    const partials = [before.get('tile/0/001.p/44'), before.get('tile/1/000.p/1')] as Uint8Array[];
    const builder = new TileBuilder(sha256, 300, partials);
    while (builder.size < 700) builder.append(leaves[builder.size] as Uint8Array);
    const taken = new Map(builder.take().map(({ tile, bytes }) => [tilePath(tile), bytes]));
    const all = buildTo(300, 700);
    expect([...taken.keys()].sort()).toEqual([...tilesBetween(300, 700)].map(tilePath).sort());
    for (const [path, bytes] of taken) expect(bytes).toEqual(all.get(path));
    expect(builder.take()).toEqual([]);
  });

  it('refuses partial tiles that do not fit the size', () => {
    expect(() => new TileBuilder(sha256, 300, [new Uint8Array(44 * 32)])).toThrow(RangeError);
    expect(() => new TileBuilder(sha256, 300, [new Uint8Array(43 * 32), new Uint8Array(32)])).toThrow(RangeError);
    expect(() => new TileBuilder(sha256, 0, [new Uint8Array(32)])).toThrow(RangeError);
  });
});

describe('tileReader', () => {
  const store = buildTo(BIG);
  const read = (tile: Tile) => {
    const bytes = store.get(tilePath(tile));
    if (bytes === undefined) throw new Error(`no ${tilePath(tile)}`);
    return bytes;
  };
  const root = rootAt(BIG);

  it('gives inclusion proofs from the tiles that were announced', () => {
    for (const index of [0, 255, 256, 65_535, 65_536, 69_999]) {
      const announced = new Map(tilesForInclusion(index, BIG).map((tile) => [tilePath(tile), read(tile)]));
      const reader = tileReader(sha256, BIG, (tile) => announced.get(tilePath(tile)) as Uint8Array);
      const path = inclusionProof(sha256, reader, index, BIG);
      verifyInclusion(sha256, { leafHash: leaves[index] as Uint8Array, index, size: BIG, root, path });
    }
  });

  it('gives consistency proofs from the tiles that were announced', () => {
    for (const oldSize of [1, 256, 300, 65_536, 65_537, 69_999]) {
      const announced = new Map(tilesForConsistency(oldSize, BIG).map((tile) => [tilePath(tile), read(tile)]));
      const reader = tileReader(sha256, BIG, (tile) => announced.get(tilePath(tile)) as Uint8Array);
      const path = consistencyProof(sha256, reader, oldSize, BIG);
      verifyConsistency(sha256, { oldSize, oldRoot: rootAt(oldSize), size: BIG, root, path });
    }
  });

  it('refuses a tile of another length', () => {
    const reader = tileReader(sha256, BIG, () => new Uint8Array(31));
    expect(() => inclusionProof(sha256, reader, 5, BIG)).toThrow(RangeError);
  });
});
