import { fromHex, toHex } from './bytes.js';
import { HASH_LENGTH } from './record.js';

export const payloadStates = ['present', 'pruned', 'erased'] as const;
export type PayloadState = (typeof payloadStates)[number];

/** A record as it stands in `/v1/records`, Kafka messages, exports and evidence. Binary values are lower-case hex. */
export interface RecordJson {
  ledger: string;
  epoch: number;
  seq: number;
  stream_prev: number | null;
  prev_hash: string;
  payload_digest: string;
  hash: string;
  /** The envelope's exact text, which is what the hash covers. */
  envelope: string;
  salt: string | null;
  /** The payload's exact text. */
  payload: string | null;
  payload_state: PayloadState;
}

/**
 * A record with raw bytes. Envelope and payload may be the stored bytes or their text: bytes that come from a database are
 * hashed as they are, since decoding them first could hide a change.
 */
export interface SealedRecord {
  ledger: string;
  epoch: number;
  seq: number;
  streamPrev: number | null;
  prevHash: Uint8Array;
  payloadDigest: Uint8Array;
  hash: Uint8Array;
  envelope: string | Uint8Array;
  salt: Uint8Array | null;
  payload: string | Uint8Array | null;
  payloadState: PayloadState;
}

/** What an accepted event's submitter gets. */
export interface Receipt {
  id: string;
  ledger: string;
  epoch: number;
  seq: number;
  hash: string;
  sealed_at: string;
  duplicate: boolean;
}

/** Checks the shape of a record that came as JSON and gives its bytes; throws a TypeError. No hash is verified here. */
export function parseRecord(value: unknown): SealedRecord {
  const json = requireShape(value);
  return {
    ledger: json.ledger,
    epoch: json.epoch,
    seq: json.seq,
    streamPrev: json.stream_prev,
    prevHash: fromHex(json.prev_hash, HASH_LENGTH),
    payloadDigest: fromHex(json.payload_digest, HASH_LENGTH),
    hash: fromHex(json.hash, HASH_LENGTH),
    envelope: json.envelope,
    // Of any length: a salt that is not 32 bytes is a changed record, not an unreadable one.
    salt: json.salt === null ? null : fromHex(json.salt),
    payload: json.payload,
    payloadState: json.payload_state,
  };
}

/** The JSON form, its members in the order of INTERFACES. Texts must be texts here (`fromUtf8` refuses what is none). */
export function recordJson(record: SealedRecord & { envelope: string; payload: string | null }): RecordJson {
  return {
    ledger: record.ledger,
    epoch: record.epoch,
    seq: record.seq,
    stream_prev: record.streamPrev,
    prev_hash: toHex(record.prevHash),
    payload_digest: toHex(record.payloadDigest),
    hash: toHex(record.hash),
    envelope: record.envelope,
    salt: record.salt === null ? null : toHex(record.salt),
    payload: record.payload,
    payload_state: record.payloadState,
  };
}

function requireShape(value: unknown): RecordJson {
  if (value === null || typeof value !== 'object') throw new TypeError('a record is a JSON object');
  const json = value as RecordJson;
  if (typeof json.ledger !== 'string') throw wrong('ledger', 'a text');
  if (!isCount(json.epoch)) throw wrong('epoch', 'an integer in [0, 2^53)');
  if (!isCount(json.seq)) throw wrong('seq', 'an integer in [0, 2^53)');
  if (json.stream_prev !== null && !isCount(json.stream_prev)) throw wrong('stream_prev', 'an integer or null');
  if (typeof json.prev_hash !== 'string') throw wrong('prev_hash', 'hex');
  if (typeof json.payload_digest !== 'string') throw wrong('payload_digest', 'hex');
  if (typeof json.hash !== 'string') throw wrong('hash', 'hex');
  if (typeof json.envelope !== 'string') throw wrong('envelope', 'a text');
  if (json.salt !== null && typeof json.salt !== 'string') throw wrong('salt', 'hex or null');
  if (json.payload !== null && typeof json.payload !== 'string') throw wrong('payload', 'a text or null');
  if (!payloadStates.includes(json.payload_state)) throw wrong('payload_state', payloadStates.join(', '));
  return json;
}

function wrong(member: keyof RecordJson, wanted: string): TypeError {
  return new TypeError(`a record's ${member} is missing or of another type, wanted ${wanted}`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
