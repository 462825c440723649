import { equalBytes, fromUtf8, writeUtf8, type Sha256 } from './bytes.js';
import { readStream, type RetentionClass } from './envelope.js';
import { HASH_LENGTH, LEAF_HEADER_LENGTH, payloadTag, recordTag, SALT_LENGTH, writeSeq } from './record.js';
import type { PayloadState, SealedRecord } from './record-json.js';

/** `absent`: there is no payload; `state` says what the record claims about it. */
export type PayloadFinding = 'verified' | 'payload_mismatch' | 'absent';

/** What one record says for itself, before it is compared with its neighbours. Plain data: it can come from a worker. */
export interface Inspection {
  seq: number;
  streamPrev: number | null;
  prevHash: Uint8Array;
  /** The hash that was stored with the record. */
  storedHash: Uint8Array;
  /** The hash of what is there now; zeros where that cannot be a leaf at all (a hash of another length, a negative seq). */
  hash: Uint8Array;
  /** False if `hash` is not `storedHash`, or the envelope is not a canonical one. */
  isContentIntact: boolean;
  payload: PayloadFinding;
  payloadState: PayloadState;
  /** Null where the envelope cannot be read. */
  stream: string | null;
  class: RetentionClass | null;
}

/**
 * A function that recomputes one record's digests from its stored texts; the hot loop of every verification. It reuses one
 * buffer, so what it costs is two hashes and reading the envelope. It never throws on what a record holds.
 */
export function recordInspector(sha256: Sha256): (record: SealedRecord) => Inspection {
  const leaf = new Scratch(1 + LEAF_HEADER_LENGTH, 2048, recordTag, 1);
  const payload = new Scratch(payloadTag.length + SALT_LENGTH, 8192, payloadTag, 0);
  const seqOffset = 1 + recordTag.length;
  const hashLeaf = (record: SealedRecord): Uint8Array => {
    const end = leaf.writeText(record.envelope);
    const bytes = leaf.bytes;
    writeSeq(bytes, seqOffset, record.seq);
    if (record.streamPrev === null) bytes.fill(0xff, seqOffset + 8, seqOffset + 16);
    else writeSeq(bytes, seqOffset + 8, record.streamPrev);
    bytes.set(record.prevHash, seqOffset + 16);
    bytes.set(record.payloadDigest, seqOffset + 16 + HASH_LENGTH);
    return sha256(bytes.subarray(0, end));
  };
  return (record) => {
    const envelope = readEnvelope(record.envelope);
    const hash = hasLeafShape(record) ? hashLeaf(record) : new Uint8Array(HASH_LENGTH);
    return {
      seq: record.seq,
      streamPrev: record.streamPrev,
      prevHash: record.prevHash,
      storedHash: record.hash,
      hash,
      isContentIntact: envelope !== null && equalBytes(hash, record.hash),
      payload: inspectPayload(sha256, payload, record),
      payloadState: record.payloadState,
      stream: envelope?.stream ?? null,
      class: envelope?.class ?? null,
    };
  };
}

/** Types do not bind a database's superuser: a column may hold any number and any length of bytes. */
function hasLeafShape({ seq, streamPrev, prevHash, payloadDigest }: SealedRecord): boolean {
  const isSeq = (value: number) => Number.isSafeInteger(value) && value >= 0;
  const areHashes = prevHash.length === HASH_LENGTH && payloadDigest.length === HASH_LENGTH;
  return areHashes && isSeq(seq) && (streamPrev === null || isSeq(streamPrev));
}

function inspectPayload(sha256: Sha256, scratch: Scratch, record: SealedRecord): PayloadFinding {
  const { salt, payload } = record;
  // A pruned record keeps its salt, an erased one has lost it: a salt of another length is a change in any case.
  if (salt !== null && salt.length !== SALT_LENGTH) return 'payload_mismatch';
  if (payload === null) return 'absent';
  if (salt === null || (typeof payload === 'string' && !payload.isWellFormed())) return 'payload_mismatch';
  const end = scratch.writeText(payload);
  scratch.bytes.set(salt, payloadTag.length);
  const digest = sha256(scratch.bytes.subarray(0, end));
  return equalBytes(digest, record.payloadDigest) ? 'verified' : 'payload_mismatch';
}

function readEnvelope(envelope: string | Uint8Array): { stream: string; class: RetentionClass } | null {
  if (typeof envelope === 'string') return readStream(envelope);
  try {
    return readStream(fromUtf8(envelope));
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** A hash input that begins with a fixed header; it grows to the longest text it has seen and is used again. */
class Scratch {
  bytes: Uint8Array;
  #text: Uint8Array;
  readonly #textOffset: number;

  constructor(textOffset: number, textLength: number, tag: Uint8Array, tagOffset: number) {
    this.#textOffset = textOffset;
    this.bytes = new Uint8Array(textOffset + textLength);
    this.#text = this.bytes.subarray(textOffset);
    this.bytes.set(tag, tagOffset);
  }

  /** Writes the text behind the header and returns where it ends. */
  writeText(text: string | Uint8Array): number {
    // UTF-8 needs at most three bytes for a UTF-16 code unit.
    const needed = typeof text === 'string' ? text.length * 3 : text.length;
    if (needed > this.#text.length) this.#grow(needed);
    if (typeof text === 'string') return this.#textOffset + writeUtf8(text, this.#text);
    this.#text.set(text);
    return this.#textOffset + text.length;
  }

  #grow(textLength: number): void {
    const bytes = new Uint8Array(this.#textOffset + textLength);
    bytes.set(this.bytes.subarray(0, this.#textOffset));
    this.bytes = bytes;
    this.#text = bytes.subarray(this.#textOffset);
  }
}
