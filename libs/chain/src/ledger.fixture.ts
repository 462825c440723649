import { envelopeBytes, type Envelope } from './envelope.js';
import { fromUtf8, toUtf8 } from './bytes.js';
import { ed25519PublicKey, ed25519Sign, sha256 } from './node.js';
import { verifierKey, type NoteSigner } from './note.js';
import { GENESIS_HASH, leafBytes, payloadDigest, recordHash } from './record.js';
import type { SealedRecord } from './record-json.js';
import { Frontier } from './tree.js';

/** A sealed record whose envelope and payload are texts. */
export type TextRecord = SealedRecord & { envelope: string; payload: string | null };

/** Seals again what a record says, after the given predecessor: what an attacker does who recomputes every hash. */
export function reseal(record: TextRecord, before: TextRecord | undefined, records: readonly TextRecord[]): TextRecord {
  const seq = before === undefined ? 0 : before.seq + 1;
  const { stream } = JSON.parse(record.envelope) as Envelope;
  const prev = records.findLast(
    (other) => other.seq < seq && (JSON.parse(other.envelope) as Envelope).stream === stream,
  );
  const leaf = {
    seq,
    streamPrev: prev?.seq ?? null,
    prevHash: before?.hash ?? GENESIS_HASH,
    payloadDigest: payloadDigest(sha256, record.salt as Uint8Array, toUtf8(record.payload as string)),
  };
  return { ...record, ...leaf, hash: recordHash(sha256, leafBytes({ ...leaf, envelope: toUtf8(record.envelope) })) };
}

/** A sound ledger of `count` records over three streams; the same count gives the same bytes. */
export function makeLedger(count: number, streams = 3): TextRecord[] {
  const records: TextRecord[] = [];
  for (let seq = 0; seq < count; seq++) records.push(reseal(unsealed(seq, streams), records.at(-1), records));
  return records;
}

/** Rewrites the whole chain after a change, as a superuser could. */
export function resealAll(changed: readonly TextRecord[]): TextRecord[] {
  const records: TextRecord[] = [];
  for (const record of changed) records.push(reseal(record, records.at(-1), records));
  return records;
}

export function rootOf(records: readonly { hash: Uint8Array }[]): Uint8Array {
  const frontier = new Frontier(sha256);
  for (const { hash } of records) frontier.append(hash);
  return frontier.root();
}

/** A signer whose seed is 32 times one byte: for tests and vectors only. */
export function testSigner(name: string, seedByte: number): NoteSigner {
  const seed = new Uint8Array(32).fill(seedByte);
  const key = verifierKey(sha256, name, ed25519PublicKey(seed));
  return { key, sign: (message) => ed25519Sign(seed, message) };
}

function unsealed(seq: number, streams: number): TextRecord {
  const ordinal = (value: number) => value.toString(16).padStart(12, '0');
  const isMetrics = seq >= streams;
  const envelope: Envelope = {
    actor: 'p_abcdefghijklmnopqrstuvwxyz',
    class: isMetrics ? 'metrics' : 'permanent',
    id: `01920000-0000-7000-8000-${ordinal(seq)}`,
    occurred_at: seq % 5 === 4 ? null : '2026-01-26T11:30:00.5+01:00',
    producer: seq % 7 === 6 ? null : { client: 'runseal-js/0.1.0', id: '6f1c0000-0000-4000-8000-000000000001', seq },
    sealed_at: '2026-01-26T10:30:01.123Z',
    stream: `run/01920000-0000-7000-8000-${ordinal(0xf000 + (seq % streams))}`,
    type: isMetrics ? 'run.metrics-logged' : 'run.started',
    version: 1,
  };
  return {
    ledger: 'default',
    epoch: 0,
    seq,
    streamPrev: null,
    prevHash: GENESIS_HASH,
    payloadDigest: GENESIS_HASH,
    hash: GENESIS_HASH,
    envelope: fromUtf8(envelopeBytes(envelope)),
    salt: new Uint8Array(32).fill(seq % 256),
    payload: JSON.stringify({ note: `é ${seq}` }),
    payloadState: 'present',
  };
}
