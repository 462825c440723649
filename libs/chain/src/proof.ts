import { equalBytes, type Sha256 } from './bytes.js';
import { HASH_LENGTH } from './record.js';
import { nodeHasher } from './tree.js';

/** Gives the root of the perfect subtree of 2^level leaves that begins at leaf index * 2^level. */
export type NodeReader = (level: number, index: number) => Uint8Array;

export type ProofErrorCode =
  'invalid_size' | 'index_beyond_size' | 'sizes_swapped' | 'invalid_hash' | 'wrong_length' | 'root_mismatch';

/** Why a proof was refused. Verifiers throw it rather than return false, so that an ignored answer cannot pass. */
export class ProofError extends Error {
  override readonly name = 'ProofError';
  readonly code: ProofErrorCode;

  constructor(code: ProofErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface InclusionClaim {
  leafHash: Uint8Array;
  index: number;
  size: number;
  root: Uint8Array;
  path: readonly Uint8Array[];
}

export interface ConsistencyClaim {
  oldSize: number;
  oldRoot: Uint8Array;
  size: number;
  root: Uint8Array;
  path: readonly Uint8Array[];
}

/** Audit path from the leaf's sibling up (RFC 9162, section 2.1.3.1). Throws a ProofError unless index < size. */
export function inclusionProof(sha256: Sha256, read: NodeReader, index: number, size: number): Uint8Array[] {
  requireIndex(index, size);
  const path: Uint8Array[] = [];
  const hashRange = rangeHasher(sha256, read);
  let [start, end] = [0, size];
  while (end - start > 1) {
    const split = start + splitPoint(end - start);
    if (index < split) {
      path.push(hashRange(split, end));
      end = split;
    } else {
      path.push(hashRange(start, split));
      start = split;
    }
  }
  return path.reverse();
}

/**
 * Proof that the tree of `size` extends the one of `oldSize` (RFC 9162, section 2.1.4.1); empty for equal sizes.
 * Throws a ProofError unless 0 < oldSize <= size: the empty tree has no proof, every tree extends it.
 */
export function consistencyProof(sha256: Sha256, read: NodeReader, oldSize: number, size: number): Uint8Array[] {
  requireSizes(oldSize, size);
  const path: Uint8Array[] = [];
  const hashRange = rangeHasher(sha256, read);
  let [start, end] = [0, size];
  while (oldSize < end) {
    const split = start + splitPoint(end - start);
    if (oldSize <= split) {
      path.push(hashRange(split, end));
      end = split;
    } else {
      path.push(hashRange(start, split));
      start = split;
    }
  }
  // Only where the old tree is no perfect left part of the new one does its last piece have to be told.
  if (start > 0) path.push(hashRange(start, end));
  return path.reverse();
}

/** Root of the whole tree from its nodes. Throws a ProofError on size 0, whose root needs no node. */
export function rootOfNodes(sha256: Sha256, read: NodeReader, size: number): Uint8Array {
  requireSize(size);
  return rangeHasher(sha256, read)(0, size);
}

/** Returns if the path proves the leaf at this index under this root (RFC 9162, section 2.1.3.2), else throws a ProofError. */
export function verifyInclusion(sha256: Sha256, claim: InclusionClaim): void {
  const { leafHash, index, size, root, path } = claim;
  requireIndex(index, size);
  requireHashes([leafHash, root, ...path]);
  const hashChildren = nodeHasher(sha256);
  let [node, last] = [index, size - 1];
  let hash = leafHash;
  for (const sibling of path) {
    if (last === 0) throw new ProofError('wrong_length', 'the inclusion proof has trailing hashes');
    if (node % 2 === 1 || node === last) {
      hash = hashChildren(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, half(last)];
    } else {
      hash = hashChildren(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) throw new ProofError('wrong_length', 'the inclusion proof is too short');
  if (!equalBytes(hash, root)) throw new ProofError('root_mismatch', 'the inclusion proof leads to another root');
}

/**
 * Returns if the path proves that the new tree begins with the old one (RFC 9162, section 2.1.4.2), else throws a
 * ProofError. An old size of 0 is refused: nothing can be proven from it, so a caller that has no head must say so itself.
 */
export function verifyConsistency(sha256: Sha256, claim: ConsistencyClaim): void {
  const { oldSize, oldRoot, size, root, path } = claim;
  requireSizes(oldSize, size);
  requireHashes([oldRoot, root, ...path]);
  if (oldSize === size) {
    if (path.length > 0) throw new ProofError('wrong_length', 'the proof between equal sizes must be empty');
    if (!equalBytes(oldRoot, root)) throw new ProofError('root_mismatch', 'two roots are claimed for one size');
    return;
  }
  let [node, last] = [oldSize - 1, size - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  // node is 0 where the old size is a power of two: the old tree is then itself the first subtree.
  const [first, ...rest] = node === 0 ? [oldRoot, ...path] : path;
  if (first === undefined) throw new ProofError('wrong_length', 'the consistency proof is empty');
  const hashChildren = nodeHasher(sha256);
  let [oldHash, hash] = [first, first];
  for (const sibling of rest) {
    if (last === 0) throw new ProofError('wrong_length', 'the consistency proof has trailing hashes');
    if (node % 2 === 1 || node === last) {
      oldHash = hashChildren(sibling, oldHash);
      hash = hashChildren(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, half(last)];
    } else {
      hash = hashChildren(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) throw new ProofError('wrong_length', 'the consistency proof is too short');
  if (!equalBytes(oldHash, oldRoot)) throw new ProofError('root_mismatch', 'the proof leads to another old root');
  if (!equalBytes(hash, root)) throw new ProofError('root_mismatch', 'the proof leads to another new root');
}

/** Hashes leaves [start, end) of which start is a multiple of the largest perfect subtree that they hold. */
function rangeHasher(sha256: Sha256, read: NodeReader): (start: number, end: number) => Uint8Array {
  const hashChildren = nodeHasher(sha256);
  return (start, end) => {
    const parts: Uint8Array[] = [];
    let at = start;
    while (at < end) {
      const [level, width] = largestPower(end - at);
      parts.push(read(level, at / width));
      at += width;
    }
    return parts.reduceRight((right, left) => hashChildren(left, right));
  };
}

/** The largest power of two below `count`, which is at least 2. */
function splitPoint(count: number): number {
  return largestPower(count - 1)[1];
}

/** The largest power of two that is at most `count`, after its exponent. Counted: Math.log2 rounds up near 2^49. */
function largestPower(count: number): [exponent: number, power: number] {
  let [exponent, power] = [0, 1];
  while (power * 2 <= count) [exponent, power] = [exponent + 1, power * 2];
  return [exponent, power];
}

// Not a shift: sizes go up to 2^53, shifts only to 2^31.
function half(value: number): number {
  return Math.floor(value / 2);
}

function requireSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new ProofError('invalid_size', `tree size is ${size}, wanted an integer in [1, 2^53)`);
  }
}

function requireIndex(index: number, size: number): void {
  requireSize(size);
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new ProofError('index_beyond_size', `index is ${index}, wanted an integer in [0, ${size})`);
  }
}

function requireSizes(oldSize: number, size: number): void {
  requireSize(oldSize);
  requireSize(size);
  if (oldSize > size) throw new ProofError('sizes_swapped', `old size ${oldSize} is above new size ${size}`);
}

function requireHashes(hashes: readonly Uint8Array[]): void {
  if (hashes.some((hash) => hash.length !== HASH_LENGTH)) {
    throw new ProofError('invalid_hash', 'a hash of the claim does not have 32 bytes');
  }
}
