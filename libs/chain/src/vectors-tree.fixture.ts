import { toHex, toUtf8 } from './bytes.js';
import { decodeEntryBundle, encodeEntryBundle } from './entry-bundle.js';
import { makeLedger } from './ledger.fixture.js';
import { sha256 } from './node.js';
import {
  consistencyProof,
  inclusionProof,
  ProofError,
  verifyConsistency,
  verifyInclusion,
  type ConsistencyClaim,
  type InclusionClaim,
  type ProofErrorCode,
} from './proof.js';
import { leafBytes, recordHash } from './record.js';
import { parseTilePath, TileBuilder, tilePath, tileReader, tilesBetween } from './tile.js';
import { Frontier } from './tree.js';
import { mustRefuse } from './vectors-record.fixture.js';

const COUNT = 700;
const other = sha256(toUtf8('another'));
const hashes = Array.from({ length: COUNT }, (_, index) => recordHash(sha256, toUtf8(String(index))));
const frontierAt = (size: number) => {
  const frontier = new Frontier(sha256);
  hashes.slice(0, size).forEach((hash) => frontier.append(hash));
  return frontier;
};
const rootAt = (size: number) => frontierAt(size).root();
const tilesAt = (size: number) => {
  const builder = new TileBuilder(sha256);
  hashes.slice(0, size).forEach((hash) => builder.append(hash));
  return new Map(builder.take().map(({ tile, bytes }) => [tilePath(tile), bytes]));
};
const readerAt = (size: number) => {
  const tiles = tilesAt(size);
  return tileReader(sha256, size, (tile) => tiles.get(tilePath(tile)) as Uint8Array);
};

export function treeVectors() {
  return {
    sizes: [0, 1, 2, 3, 7, 8, 255, 256, 257, 700].map((size) => ({
      size,
      root: toHex(rootAt(size)),
      frontier: toHex(frontierAt(size).toBytes()),
    })),
  };
}

export function inclusionVectors() {
  const prove = (index: number, size: number): InclusionClaim => ({
    leafHash: hashes[index] as Uint8Array,
    index,
    size,
    root: rootAt(size),
    path: inclusionProof(sha256, readerAt(size), index, size),
  });
  const places: [number, number][] = [[0, 1], [0, 2], [1, 3], [2, 3], [6, 7], [255, 256], [256, 257], [300, 700]]; // prettier-ignore
  const claim = prove(300, 700);
  const hostile: [string, ProofErrorCode, Partial<InclusionClaim>][] = [
    ['size 0', 'invalid_size', { size: 0 }],
    ['index = size', 'index_beyond_size', { index: 700 }],
    ['index beyond size', 'index_beyond_size', { index: 1_000_000 }],
    ['another leaf', 'root_mismatch', { leafHash: other }],
    ['another root', 'root_mismatch', { root: other }],
    ['another index', 'root_mismatch', { index: 301 }],
    ['empty path', 'wrong_length', { path: [] }],
    ['first hash missing', 'wrong_length', { path: claim.path.slice(1) }],
    ['last hash missing', 'wrong_length', { path: claim.path.slice(0, -1) }],
    ['trailing hash', 'wrong_length', { path: [...claim.path, other] }],
    ['first hash changed', 'root_mismatch', { path: [other, ...claim.path.slice(1)] }],
    ['path turned round', 'root_mismatch', { path: [...claim.path].reverse() }],
    ['short hash', 'invalid_hash', { path: [other.slice(1), ...claim.path.slice(1)] }],
    ['smaller size', 'wrong_length', { size: 512 }],
  ];
  return {
    valid: places.map(([index, size]) => {
      const valid = prove(index, size);
      verifyInclusion(sha256, valid);
      return inclusionJson(valid);
    }),
    refused: hostile.map(([why, code, change]) => {
      requireCode(why, code, () => verifyInclusion(sha256, { ...claim, ...change }));
      return { why, code, ...inclusionJson({ ...claim, ...change }) };
    }),
  };
}

export function consistencyVectors() {
  const prove = (oldSize: number, size: number): ConsistencyClaim => ({
    oldSize,
    oldRoot: rootAt(oldSize),
    size,
    root: rootAt(size),
    path: consistencyProof(sha256, readerAt(size), oldSize, size),
  });
  const pairs: [number, number][] = [[1, 1], [1, 2], [3, 7], [4, 8], [6, 8], [256, 257], [257, 700], [512, 700]]; // prettier-ignore
  const claim = prove(257, 700);
  const hostile: [string, ProofErrorCode, Partial<ConsistencyClaim>][] = [
    ['old size 0', 'invalid_size', { oldSize: 0 }],
    ['both sizes 0', 'invalid_size', { oldSize: 0, size: 0, path: [] }],
    ['sizes swapped', 'sizes_swapped', { oldSize: 700, oldRoot: claim.root, size: 257, root: claim.oldRoot }],
    ['another old root', 'root_mismatch', { oldRoot: other }],
    ['another new root', 'root_mismatch', { root: other }],
    ['empty path', 'wrong_length', { path: [] }],
    ['first hash missing', 'wrong_length', { path: claim.path.slice(1) }],
    ['last hash missing', 'wrong_length', { path: claim.path.slice(0, -1) }],
    ['trailing hash', 'wrong_length', { path: [...claim.path, other] }],
    ['first hash changed', 'root_mismatch', { path: [other, ...claim.path.slice(1)] }],
    ['long hash', 'invalid_hash', { path: [new Uint8Array(33), ...claim.path.slice(1)] }],
    ['a path between equal sizes', 'wrong_length', { oldSize: 700, oldRoot: claim.root }],
    ['two roots for one size', 'root_mismatch', { oldSize: 700, oldRoot: other, path: [] }],
  ];
  return {
    valid: pairs.map(([oldSize, size]) => {
      const valid = prove(oldSize, size);
      verifyConsistency(sha256, valid);
      return consistencyJson(valid);
    }),
    refused: hostile.map(([why, code, change]) => {
      requireCode(why, code, () => verifyConsistency(sha256, { ...claim, ...change }));
      return { why, code, ...consistencyJson({ ...claim, ...change }) };
    }),
  };
}

export function tileVectors() {
  const paths = ['tile/0/000', 'tile/0/x001/x234/067', 'tile/3/x001/000.p/17', 'tile/entries/273.p/112'];
  const refused = ['tile/0/0', 'tile/0/x000/001', 'tile/00/000', 'tile/64/000', 'tile/0/001/002', 'tile/0/000.p/0', 'tile/0/000.p/256']; // prettier-ignore
  for (const path of refused) if (parseTilePath(path) !== null) throw new Error(`accepted: ${path}`);
  const entries = makeLedger(3).map((record) => leafBytes({ ...record, envelope: toUtf8(record.envelope) }));
  const bundle = encodeEntryBundle(entries);
  const torn = toHex(bundle.slice(0, -1));
  mustRefuse('torn bundle', () => decodeEntryBundle(bundle.slice(0, -1)));
  return {
    paths: paths.map((path) => ({ path, ...parseTilePath(path) })),
    refused_paths: refused,
    tiles: [1, 256, 700].map((size) => ({
      size,
      tiles: [...tilesAt(size)].map(([path, bytes]) => ({ path, sha256: toHex(sha256(bytes)), length: bytes.length })),
    })),
    tile_paths: [70_000, 300].map((size) => ({
      size,
      partial: [...tilesBetween(0, size)].filter(({ width }) => width < 256).map(tilePath),
      full_count: [...tilesBetween(0, size)].filter(({ width }) => width === 256).length,
    })),
    entry_bundle: { entries: entries.map(toHex), bundle: toHex(bundle), refused: [torn] },
  };
}

function inclusionJson({ leafHash, index, size, root, path }: InclusionClaim) {
  return { leaf_hash: toHex(leafHash), index, size, root: toHex(root), path: path.map(toHex) };
}

function consistencyJson({ oldSize, oldRoot, size, root, path }: ConsistencyClaim) {
  return { old_size: oldSize, old_root: toHex(oldRoot), size, root: toHex(root), path: path.map(toHex) };
}

function requireCode(why: string, code: ProofErrorCode, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (error instanceof ProofError && error.code === code) return;
    throw error;
  }
  throw new Error(`accepted: ${why}`);
}
