import { createHash, randomBytes } from 'node:crypto';
import {
  envelopeBytes,
  fromUtf8,
  GENESIS_HASH,
  leafBytes,
  payloadDigest,
  recordHash,
  toHex,
  toUtf8,
  type SealedRecord,
} from '@runseal/chain';
import type { FeedReader, Position, RecordSource } from './feed.js';

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());

export interface ChainOptions {
  readonly ledger?: string;
  readonly epoch?: number;
  readonly payload?: string;
  /** What the records follow; else they are a ledger's first. */
  readonly after?: SealedRecord | undefined;
}

/** So many sealed records in a row, as a ledger would hold them. */
export function chainOf(count: number, options: ChainOptions = {}): SealedRecord[] {
  const { ledger = 'default', epoch = 0, payload = '{}' } = options;
  const records: SealedRecord[] = [];
  let before = options.after;
  for (let number = 0; number < count; number++) {
    const seq = before ? before.seq + 1 : 0;
    const envelope = envelopeBytes({
      actor: 'p_abcdefghijklmnopqrstuvwxyz',
      class: 'permanent',
      id: `01920000-0000-7000-8000-${randomBytes(6).toString('hex')}`,
      occurred_at: null,
      producer: null,
      sealed_at: '2026-01-26T10:30:01.123Z',
      stream: 'run/01920000-0000-7000-8000-000000000001',
      type: 'run.annotated',
      version: 1,
    });
    const salt = new Uint8Array(randomBytes(32));
    const leaf = {
      seq,
      streamPrev: before ? before.seq : null,
      prevHash: before?.hash ?? GENESIS_HASH,
      payloadDigest: payloadDigest(sha256, salt, toUtf8(payload)),
    };
    const hash = recordHash(sha256, leafBytes({ ...leaf, envelope }));
    const text = fromUtf8(envelope);
    before = { ...leaf, ledger, epoch, hash, salt, envelope: text, payload, payloadState: 'present' };
    records.push(before);
  }
  return records;
}

export const positionOf = ({ epoch, seq, hash }: SealedRecord): Position => ({ epoch, seq, hash: toHex(hash) });

/** A ledger that lies in memory: what tests seal, lose and restore. */
export class MemorySource implements RecordSource {
  readonly reads: string[] = [];

  constructor(public records: SealedRecord[] = []) {}

  async read(ledger: string, from: number, limit: number): Promise<readonly SealedRecord[]> {
    this.reads.push(`${from}+${limit}`);
    return this.records.filter((record) => record.ledger === ledger && record.seq >= from).slice(0, limit);
  }

  async findNewest(ledger: string): Promise<{ epoch: number; seq: number } | null> {
    return this.records.findLast((record) => record.ledger === ledger) ?? null;
  }
}

/** A reader that keeps seqs and position in memory, as a projection keeps rows and position in one transaction. */
export class MemoryReader implements FeedReader {
  readonly name = 'test';
  readonly batches: SealedRecord[][] = [];
  position: Position | null = null;
  /** Runs before anything is kept; what it throws, apply throws. */
  before: (records: readonly SealedRecord[]) => unknown = () => undefined;

  constructor(readonly ledger = 'default') {}

  get seqs(): number[] {
    return this.batches.flat().map(({ seq }) => seq);
  }

  async findPosition(): Promise<Position | null> {
    return this.position;
  }

  async apply(records: readonly SealedRecord[]): Promise<void> {
    await this.before(records);
    this.batches.push([...records]);
    const last = records.at(-1);
    if (last) this.position = positionOf(last);
  }
}
