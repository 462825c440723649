import { isUtf8 } from 'node:buffer';
import {
  HASH_LENGTH,
  parseExportLine,
  parseRecord,
  payloadStates,
  retentionClasses,
  type Inspection,
  type PayloadFinding,
  type SealedRecord,
} from '@runseal/chain';
import type { Inspected } from './ledger-source.js';

const NEWLINE = 10;

/** Reads and inspects the records of a block of whole lines. A line that is no record is passed over: it will be missing. */
export function inspectLines(block: Buffer, inspect: (record: SealedRecord) => Inspection): Inspected[] {
  const inspected: Inspected[] = [];
  for (const line of splitLines(block)) {
    const record = readLine(line);
    if (record) inspected.push({ record, inspection: inspect(record) });
  }
  return inspected;
}

function* splitLines(block: Buffer): Generator<string> {
  // One decoding of the whole block is much quicker than one a line, but would hide where a byte is wrong.
  if (isUtf8(block)) {
    yield* block.toString('utf8').split('\n');
    return;
  }
  for (let at = 0; at < block.length;) {
    const found = block.indexOf(NEWLINE, at);
    const end = found < 0 ? block.length : found;
    if (isUtf8(block.subarray(at, end))) yield block.toString('utf8', at, end);
    at = end + 1;
  }
}

function readLine(line: string): SealedRecord | null {
  if (line === '') return null;
  try {
    const parsed = parseExportLine(line);
    return parsed.kind === 'record' ? parseRecord(parsed.record) : null;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** Inspections of a block as a few typed arrays: they cross from a worker without a copy an object. */
export interface PackedInspections {
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Of each record: 96 bytes of prev_hash, stored hash and, where it is not the same, hash. */
  readonly hashes: Uint8Array<ArrayBuffer>;
  /** Distinct streams; a record's number among them is in `numbers`. */
  readonly streams: readonly string[];
  /** What opens an epoch, by place in the block. */
  readonly restored: readonly { place: number; envelope: string; payload: string | null }[];
}

// Of each record in `numbers`: epoch, seq, stream_prev or -1, flags, number of the stream or -1.
const NUMBERS = 5;
const HASHES = 3 * HASH_LENGTH;
const findings: readonly PayloadFinding[] = ['verified', 'payload_mismatch', 'absent'];

export function pack(inspected: readonly Inspected[]): PackedInspections {
  const numbers = new Float64Array(NUMBERS * inspected.length);
  const hashes = new Uint8Array(HASHES * inspected.length);
  const streams = new Map<string, number>();
  const restored: { place: number; envelope: string; payload: string | null }[] = [];
  for (let place = 0; place < inspected.length; place++) {
    const { record, inspection } = inspected[place] as Inspected;
    const { stream, isContentIntact } = inspection;
    const at = NUMBERS * place;
    numbers[at] = record.epoch;
    numbers[at + 1] = inspection.seq;
    numbers[at + 2] = inspection.streamPrev ?? -1;
    numbers[at + 3] = flagsOf(inspection);
    numbers[at + 4] = stream === null ? -1 : numberOf(streams, stream);
    hashes.set(inspection.prevHash, HASHES * place);
    hashes.set(inspection.storedHash, HASHES * place + HASH_LENGTH);
    if (!isContentIntact) hashes.set(inspection.hash, HASHES * place + 2 * HASH_LENGTH);
    const { envelope, payload } = record as { envelope: string; payload: string | null };
    if (stream?.startsWith('ledger/') && envelope.includes('"type":"ledger.restored"')) {
      restored.push({ place, envelope, payload });
    }
  }
  return { numbers, hashes, streams: [...streams.keys()], restored };
}

function flagsOf({ isContentIntact, payload, payloadState, class: retention }: Inspection): number {
  return (
    Number(isContentIntact) +
    2 * findings.indexOf(payload) +
    8 * payloadStates.indexOf(payloadState) +
    32 * (retention === null ? 0 : 1 + retentionClasses.indexOf(retention))
  );
}

function numberOf(streams: Map<string, number>, stream: string): number {
  const known = streams.get(stream);
  if (known !== undefined) return known;
  streams.set(stream, streams.size);
  return streams.size - 1;
}

export function unpack({ numbers, hashes, streams, restored }: PackedInspections): Inspected[] {
  const inspected: Inspected[] = [];
  for (let place = 0; place < numbers.length / NUMBERS; place++) {
    const at = NUMBERS * place;
    const [seq, streamPrev, flags] = [numbers[at + 1] ?? 0, numbers[at + 2] ?? -1, numbers[at + 3] ?? 0];
    const hashAt = HASHES * place;
    const isContentIntact = (flags & 1) === 1;
    const storedHash = hashes.subarray(hashAt + HASH_LENGTH, hashAt + 2 * HASH_LENGTH);
    const inspection: Inspection = {
      seq,
      streamPrev: streamPrev < 0 ? null : streamPrev,
      prevHash: hashes.subarray(hashAt, hashAt + HASH_LENGTH),
      storedHash,
      hash: isContentIntact ? storedHash : hashes.subarray(hashAt + 2 * HASH_LENGTH, hashAt + HASHES),
      isContentIntact,
      payload: findings[(flags >> 1) & 3] ?? 'absent',
      payloadState: payloadStates[(flags >> 3) & 3] ?? 'present',
      stream: streams[numbers[at + 4] ?? -1] ?? null,
      class: retentionClasses[(flags >> 5) - 1] ?? null,
    };
    inspected.push({ record: { epoch: numbers[at] ?? 0, seq, envelope: '', payload: null }, inspection });
  }
  for (const { place, envelope, payload } of restored) {
    const { record, inspection } = inspected[place] as Inspected;
    inspected[place] = { record: { ...record, envelope, payload }, inspection };
  }
  return inspected;
}
