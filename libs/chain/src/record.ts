import { compareBytes, toUtf8, type Sha256 } from './bytes.js';

export const HASH_LENGTH = 32;
export const SALT_LENGTH = 32;
/** `prev_hash` of a ledger's first record. */
export const GENESIS_HASH: Uint8Array = new Uint8Array(HASH_LENGTH);

export const payloadTag: Uint8Array = toUtf8('runseal.payload.v1\n');
export const recordTag: Uint8Array = toUtf8('runseal.record.v1\n');
/** Where the envelope begins in a leaf: tag, seq, stream_prev, prev_hash, payload_digest. */
export const LEAF_HEADER_LENGTH = recordTag.length + 8 + 8 + HASH_LENGTH + HASH_LENGTH;

/** What a record's hash covers. Hashes are 32 raw bytes, the envelope its stored bytes, seqs are integers below 2^53. */
export interface Leaf {
  seq: number;
  /** Seq of the record before in the same stream; null if there is none. */
  streamPrev: number | null;
  prevHash: Uint8Array;
  payloadDigest: Uint8Array;
  envelope: Uint8Array;
}

/** SHA-256("runseal.payload.v1" LF salt payload). Throws a RangeError unless the salt is exactly 32 bytes. */
export function payloadDigest(sha256: Sha256, salt: Uint8Array, payload: Uint8Array): Uint8Array {
  requireLength('salt', salt, SALT_LENGTH);
  const input = new Uint8Array(payloadTag.length + SALT_LENGTH + payload.length);
  input.set(payloadTag);
  input.set(salt, payloadTag.length);
  input.set(payload, payloadTag.length + SALT_LENGTH);
  return sha256(input);
}

/** The bytes of a record's leaf, which are also its entry in an entry bundle. Throws a RangeError on a bad length or seq. */
export function leafBytes(leaf: Leaf): Uint8Array {
  requireLength('prev_hash', leaf.prevHash, HASH_LENGTH);
  requireLength('payload_digest', leaf.payloadDigest, HASH_LENGTH);
  const bytes = new Uint8Array(LEAF_HEADER_LENGTH + leaf.envelope.length);
  let offset = recordTag.length;
  bytes.set(recordTag);
  writeSeq(bytes, offset, leaf.seq);
  offset += 8;
  if (leaf.streamPrev === null) bytes.fill(0xff, offset, offset + 8);
  else writeSeq(bytes, offset, leaf.streamPrev);
  offset += 8;
  bytes.set(leaf.prevHash, offset);
  bytes.set(leaf.payloadDigest, offset + HASH_LENGTH);
  bytes.set(leaf.envelope, LEAF_HEADER_LENGTH);
  return bytes;
}

/** The inverse of `leafBytes`, for entry bundles. Throws a RangeError on a foreign tag or a leaf that is too short. */
export function parseLeaf(bytes: Uint8Array): Leaf {
  if (bytes.length < LEAF_HEADER_LENGTH || compareBytes(bytes.subarray(0, recordTag.length), recordTag) !== 0) {
    throw new RangeError('expected a leaf that begins with "runseal.record.v1" and its header');
  }
  const at = recordTag.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const hasNoPrev = view.getUint32(at + 8) === 0xffff_ffff && view.getUint32(at + 12) === 0xffff_ffff;
  return {
    seq: readSeq(view, at),
    streamPrev: hasNoPrev ? null : readSeq(view, at + 8),
    prevHash: bytes.slice(at + 16, at + 48),
    payloadDigest: bytes.slice(at + 48, at + 80),
    envelope: bytes.slice(LEAF_HEADER_LENGTH),
  };
}

/** SHA-256(0x00 leaf): the RFC 6962 leaf hash, and `prev_hash` of the next record. */
export function recordHash(sha256: Sha256, leaf: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + leaf.length);
  input.set(leaf, 1);
  return sha256(input);
}

/** Writes 8 bytes, big endian. Throws a RangeError unless the seq is an integer in [0, 2^53). */
export function writeSeq(target: Uint8Array, offset: number, seq: number): void {
  if (!Number.isSafeInteger(seq) || seq < 0) throw new RangeError(`seq is ${seq}, wanted an integer in [0, 2^53)`);
  let high = Math.floor(seq / 0x1_0000_0000);
  let low = seq % 0x1_0000_0000;
  for (let index = 3; index >= 0; index--) {
    target[offset + index] = high & 0xff;
    target[offset + 4 + index] = low & 0xff;
    high >>>= 8;
    low >>>= 8;
  }
}

function readSeq(view: DataView, offset: number): number {
  const seq = view.getUint32(offset) * 0x1_0000_0000 + view.getUint32(offset + 4);
  if (!Number.isSafeInteger(seq)) throw new RangeError('seq is 2^53 or more');
  return seq;
}

function requireLength(name: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${name} has ${bytes.length} bytes, wanted ${length}`);
}
