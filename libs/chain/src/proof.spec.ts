import fc from 'fast-check';
import { sha256 } from './node.js';
import {
  consistencyProof,
  inclusionProof,
  ProofError,
  rootOfNodes,
  verifyConsistency,
  verifyInclusion,
  type NodeReader,
  type ProofErrorCode,
} from './proof.js';
import { referenceConsistency, referenceInclusion, referenceRoot } from './reference-tree.fixture.js';

const hashesOf = (count: number) =>
  Array.from({ length: count }, (_, index) => sha256(Uint8Array.of(index >> 8, index)));
const readerOf =
  (leafHashes: readonly Uint8Array[]): NodeReader =>
  (level, index) => {
    const width = 2 ** level;
    const part = leafHashes.slice(index * width, (index + 1) * width);
    if (part.length !== width) throw new Error(`node ${level}/${index} is not perfect`);
    return referenceRoot(sha256, part);
  };
const codeOf = (act: () => void): ProofErrorCode | 'accepted' => {
  try {
    act();
    return 'accepted';
  } catch (error) {
    if (error instanceof ProofError) return error.code;
    throw error;
  }
};
const leaves = hashesOf(40);
const sizes = fc.integer({ min: 1, max: 40 });
const pair = fc.tuple(sizes, fc.nat()).map(([size, any]) => [any % size, size] as const);

describe('inclusion', () => {
  it('is the path of the recursive definition and verifies, for every leaf and size', () => {
    fc.assert(
      fc.property(pair, ([index, size]) => {
        const tree = leaves.slice(0, size);
        const path = inclusionProof(sha256, readerOf(tree), index, size);
        expect(path).toEqual(referenceInclusion(sha256, index, tree));
        const root = referenceRoot(sha256, tree);
        expect(rootOfNodes(sha256, readerOf(tree), size)).toEqual(root);
        verifyInclusion(sha256, { leafHash: leaves[index] as Uint8Array, index, size, root, path });
      }),
    );
  });

  it('is refused for another leaf, index, root, or with a hash changed, added, missing or moved', () => {
    fc.assert(
      fc.property(pair, fc.nat(), ([index, size], any) => {
        const tree = leaves.slice(0, size);
        const path = inclusionProof(sha256, readerOf(tree), index, size);
        const claim = { leafHash: leaves[index] as Uint8Array, index, size, root: referenceRoot(sha256, tree), path };
        const other = sha256(Uint8Array.of(1));
        const refused = (changed: Partial<typeof claim>) =>
          expect(codeOf(() => verifyInclusion(sha256, { ...claim, ...changed }))).not.toBe('accepted');
        refused({ leafHash: other });
        refused({ root: other });
        refused({ path: [...path, other] });
        refused({ index: size });
        if (size > 1) {
          refused({ index: (index + 1 + (any % (size - 1))) % size });
          refused({ path: path.slice(1) });
          refused({ path: path.slice(0, -1) });
          refused({ path: path.map((hash, place) => (place === any % path.length ? other : hash)) });
        }
      }),
    );
  });

  it('says why it was refused', () => {
    const root = referenceRoot(sha256, leaves);
    const path = inclusionProof(sha256, readerOf(leaves), 5, 40);
    const claim = { leafHash: leaves[5] as Uint8Array, index: 5, size: 40, root, path };
    const code = (changed: Partial<typeof claim>) => codeOf(() => verifyInclusion(sha256, { ...claim, ...changed }));
    expect(code({})).toBe('accepted');
    expect(code({ size: 0 })).toBe('invalid_size');
    expect(code({ size: 2 ** 53 })).toBe('invalid_size');
    expect(code({ index: 40 })).toBe('index_beyond_size');
    expect(code({ index: -1 })).toBe('index_beyond_size');
    expect(code({ index: 0.5 })).toBe('index_beyond_size');
    expect(code({ path: [...path, root] })).toBe('wrong_length');
    expect(code({ path: [] })).toBe('wrong_length');
    expect(code({ path: [new Uint8Array(31), ...path.slice(1)] })).toBe('invalid_hash');
    expect(code({ leafHash: leaves[6] as Uint8Array })).toBe('root_mismatch');
  });
});

describe('consistency', () => {
  it('is the proof of the recursive definition and verifies, for every pair of sizes', () => {
    for (let size = 1; size <= 40; size++) {
      const tree = leaves.slice(0, size);
      const root = referenceRoot(sha256, tree);
      for (let oldSize = 1; oldSize <= size; oldSize++) {
        const path = consistencyProof(sha256, readerOf(tree), oldSize, size);
        expect(path).toEqual(referenceConsistency(sha256, oldSize, tree));
        const oldRoot = referenceRoot(sha256, leaves.slice(0, oldSize));
        verifyConsistency(sha256, { oldSize, oldRoot, size, root, path });
      }
    }
  });

  it('is refused for other roots or sizes, or with a hash changed, added or missing', () => {
    const proper = fc
      .tuple(fc.integer({ min: 2, max: 40 }), fc.nat())
      .map(([size, any]) => [1 + (any % (size - 1)), size] as const);
    fc.assert(
      fc.property(proper, fc.nat(), ([oldSize, size], any) => {
        const tree = leaves.slice(0, size);
        const path = consistencyProof(sha256, readerOf(tree), oldSize, size);
        const oldRoot = referenceRoot(sha256, leaves.slice(0, oldSize));
        const claim = { oldSize, oldRoot, size, root: referenceRoot(sha256, tree), path };
        const other = sha256(Uint8Array.of(1));
        const refused = (changed: Partial<typeof claim>) =>
          expect(codeOf(() => verifyConsistency(sha256, { ...claim, ...changed }))).not.toBe('accepted');
        refused({ oldRoot: other });
        refused({ root: other });
        refused({ path: [...path, other] });
        refused({ path: path.slice(1) });
        refused({ path: path.slice(0, -1) });
        refused({ path: path.map((hash, place) => (place === any % path.length ? other : hash)) });
        refused({ oldSize: size, size: oldSize });
      }),
    );
  });

  it('says why it was refused', () => {
    const path = consistencyProof(sha256, readerOf(leaves), 7, 40);
    const root = referenceRoot(sha256, leaves);
    const claim = { oldSize: 7, oldRoot: referenceRoot(sha256, leaves.slice(0, 7)), size: 40, root, path };
    const code = (changed: Partial<typeof claim>) => codeOf(() => verifyConsistency(sha256, { ...claim, ...changed }));
    expect(code({})).toBe('accepted');
    expect(code({ oldSize: 0 })).toBe('invalid_size');
    expect(code({ oldSize: 40, size: 7 })).toBe('sizes_swapped');
    expect(code({ path: [] })).toBe('wrong_length');
    expect(code({ path: [...path, root] })).toBe('wrong_length');
    expect(code({ path: [new Uint8Array(33)] })).toBe('invalid_hash');
    expect(code({ oldSize: 40, oldRoot: root })).toBe('wrong_length');
    expect(code({ oldSize: 40, oldRoot: root, path: [] })).toBe('accepted');
    expect(code({ oldSize: 40, path: [] })).toBe('root_mismatch');
    expect(() => consistencyProof(sha256, readerOf(leaves), 0, 40)).toThrow(ProofError);
    expect(() => consistencyProof(sha256, readerOf(leaves), 41, 40)).toThrow(ProofError);
  });
});

it('splits huge trees where the definition says', () => {
  // A tree whose every node is the same hash at its level: paths can then be checked at sizes that no memory holds.
  const perLevel = [leaves[0] as Uint8Array];
  const read: NodeReader = (level) => perLevel[level] as Uint8Array;
  for (let level = 1; level <= 52; level++) {
    perLevel.push(referenceRoot(sha256, [perLevel[level - 1] as Uint8Array, perLevel[level - 1] as Uint8Array]));
  }
  for (const size of [2 ** 49 - 1, 2 ** 52 + 1, 2 ** 53 - 1]) {
    const root = rootOfNodes(sha256, read, size);
    for (const index of [0, 2 ** 48, size - 1]) {
      const path = inclusionProof(sha256, read, index, size);
      verifyInclusion(sha256, { leafHash: perLevel[0] as Uint8Array, index, size, root, path });
    }
    const oldSize = 2 ** 48 + 5;
    const path = consistencyProof(sha256, read, oldSize, size);
    verifyConsistency(sha256, { oldSize, oldRoot: rootOfNodes(sha256, read, oldSize), size, root, path });
  }
});
