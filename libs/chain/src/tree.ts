import type { Sha256 } from './bytes.js';
import { HASH_LENGTH } from './record.js';

/** Root of the tree without leaves: SHA-256 of nothing (RFC 6962, section 2.1). */
export function emptyRoot(sha256: Sha256): Uint8Array {
  return sha256(new Uint8Array(0));
}

/** A function that hashes two children to their parent, SHA-256(0x01 left right), in one reused buffer. */
export function nodeHasher(sha256: Sha256): (left: Uint8Array, right: Uint8Array) => Uint8Array {
  const input = new Uint8Array(1 + 2 * HASH_LENGTH);
  input[0] = 1;
  return (left, right) => {
    input.set(left, 1);
    input.set(right, 1 + HASH_LENGTH);
    return sha256(input);
  };
}

/**
 * The right edge of an RFC 6962 tree: the roots of its perfect subtrees, largest first. Appending a leaf hash costs one
 * hash on average and keeps at most 53 of them, so a root over any number of records is made in constant memory.
 */
export class Frontier {
  readonly #sha256: Sha256;
  readonly #hashChildren: (left: Uint8Array, right: Uint8Array) => Uint8Array;
  readonly #roots: Uint8Array[];
  #size: number;

  constructor(sha256: Sha256, size = 0, roots: readonly Uint8Array[] = []) {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`tree size is ${size}, wanted [0, 2^53)`);
    if (roots.length !== subtreeSizes(size).length || roots.some((root) => root.length !== HASH_LENGTH)) {
      throw new RangeError(`a tree of ${size} leaves has ${subtreeSizes(size).length} subtree roots of 32 bytes`);
    }
    this.#sha256 = sha256;
    this.#hashChildren = nodeHasher(sha256);
    this.#size = size;
    this.#roots = [...roots];
  }

  get size(): number {
    return this.#size;
  }

  /** Roots of the perfect subtrees, largest first: with `size` all that is needed to go on from here. */
  get roots(): readonly Uint8Array[] {
    return this.#roots;
  }

  /** Appends one leaf hash (a record's hash). The bytes are kept, not copied: the caller must not change them. */
  append(leafHash: Uint8Array): void {
    let hash = leafHash;
    for (let size = this.#size; size % 2 === 1; size = (size - 1) / 2) {
      hash = this.#hashChildren(this.#roots.pop() as Uint8Array, hash);
    }
    this.#roots.push(hash);
    this.#size += 1;
  }

  /** Root hash at the present size (RFC 6962 MTH). */
  root(): Uint8Array {
    const last = this.#roots.at(-1);
    if (last === undefined) return emptyRoot(this.#sha256);
    return this.#roots.slice(0, -1).reduceRight((right, left) => this.#hashChildren(left, right), last);
  }

  clone(): Frontier {
    return new Frontier(this.#sha256, this.#size, this.#roots);
  }

  /** Size (8 bytes, big endian) and the roots, for storage beside a published head. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(8 + this.#roots.length * HASH_LENGTH);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(this.#size));
    this.#roots.forEach((root, index) => bytes.set(root, 8 + index * HASH_LENGTH));
    return bytes;
  }

  /** The inverse of `toBytes`. Throws a RangeError unless the length fits the size. */
  static fromBytes(sha256: Sha256, bytes: Uint8Array): Frontier {
    if (bytes.length < 8 || (bytes.length - 8) % HASH_LENGTH !== 0) {
      throw new RangeError(`a frontier has 8 bytes and then 32 a subtree, found ${bytes.length}`);
    }
    const size = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
    const count = (bytes.length - 8) / HASH_LENGTH;
    const roots = Array.from({ length: count }, (_, index) =>
      bytes.slice(8 + index * HASH_LENGTH, 8 + (index + 1) * HASH_LENGTH),
    );
    return new Frontier(sha256, size, roots);
  }
}

/** Sizes of the perfect subtrees of a tree, largest first: the powers of two in its size. */
export function subtreeSizes(size: number): number[] {
  const sizes: number[] = [];
  for (let rest = size, power = 1; rest > 0; rest = Math.floor(rest / 2), power *= 2) {
    if (rest % 2 === 1) sizes.unshift(power);
  }
  return sizes;
}
