import { concatBytes, type Sha256 } from './bytes.js';

/** RFC 6962, section 2.1, word for word and slow: the judge of the quick tree in tests. */
export function referenceRoot(sha256: Sha256, leafHashes: readonly Uint8Array[]): Uint8Array {
  const [first] = leafHashes;
  if (first === undefined) return sha256(new Uint8Array(0));
  if (leafHashes.length === 1) return first;
  const split = splitPoint(leafHashes.length);
  const left = referenceRoot(sha256, leafHashes.slice(0, split));
  const right = referenceRoot(sha256, leafHashes.slice(split));
  return sha256(concatBytes(Uint8Array.of(1), left, right));
}

/** PATH(m, D[n]) of RFC 6962, section 2.1.1. */
export function referenceInclusion(sha256: Sha256, index: number, leafHashes: readonly Uint8Array[]): Uint8Array[] {
  if (leafHashes.length <= 1) return [];
  const split = splitPoint(leafHashes.length);
  const left = leafHashes.slice(0, split);
  const right = leafHashes.slice(split);
  return index < split
    ? [...referenceInclusion(sha256, index, left), referenceRoot(sha256, right)]
    : [...referenceInclusion(sha256, index - split, right), referenceRoot(sha256, left)];
}

/** PROOF(m, D[n]) of RFC 6962, section 2.1.2. */
export function referenceConsistency(sha256: Sha256, oldSize: number, leafHashes: readonly Uint8Array[]): Uint8Array[] {
  return subproof(sha256, oldSize, leafHashes, true);
}

function subproof(sha256: Sha256, oldSize: number, hashes: readonly Uint8Array[], isWhole: boolean): Uint8Array[] {
  if (oldSize === hashes.length) return isWhole ? [] : [referenceRoot(sha256, hashes)];
  const split = splitPoint(hashes.length);
  const left = hashes.slice(0, split);
  const right = hashes.slice(split);
  return oldSize <= split
    ? [...subproof(sha256, oldSize, left, isWhole), referenceRoot(sha256, right)]
    : [...subproof(sha256, oldSize - split, right, false), referenceRoot(sha256, left)];
}

function splitPoint(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}
