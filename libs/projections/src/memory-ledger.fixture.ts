import { randomUUID } from 'node:crypto';
import {
  envelopeBytes,
  GENESIS_HASH,
  leafBytes,
  payloadDigest,
  recordHash,
  type RetentionClass,
  type SealedRecord,
} from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import type { RecordSource } from '@runseal/messaging';

export interface SampleEvent {
  readonly type: string;
  readonly stream: string;
  readonly version?: number;
  readonly payload: unknown;
}

/** A sound chain of records in memory: what the ledger would give to its readers. */
export class MemoryLedger implements RecordSource {
  readonly records: SealedRecord[] = [];
  epoch = 0;

  constructor(readonly name = 'default') {}

  seal(events: readonly SampleEvent[]): readonly SealedRecord[] {
    return events.map((event) => this.append(event));
  }

  /** An older copy takes its place: records from `size` on are lost, and a new epoch begins. */
  restore(size: number): void {
    this.records.length = size;
    this.epoch += 1;
  }

  read(ledger: string, from: number, limit: number): Promise<readonly SealedRecord[]> {
    return Promise.resolve(ledger === this.name ? this.records.slice(from, from + limit) : []);
  }

  findNewest(): Promise<{ readonly epoch: number; readonly seq: number } | null> {
    const newest = this.records.at(-1);
    return Promise.resolve(newest ? { epoch: this.epoch, seq: newest.seq } : null);
  }

  private append({ type, stream, version = 1, payload }: SampleEvent): SealedRecord {
    const seq = this.records.length;
    const salt = sha256(Buffer.from(`salt ${seq}`));
    const bytes = Buffer.from(JSON.stringify(payload));
    const envelope = envelopeBytes({
      actor: 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa',
      class: (type === 'run.metrics-logged' ? 'metrics' : 'permanent') satisfies RetentionClass,
      id: randomUUID(),
      occurred_at: null,
      producer: null,
      sealed_at: new Date(Date.UTC(2026, 0, 26) + 1_000 * seq).toISOString(),
      stream,
      type,
      version,
    });
    const leaf = {
      seq,
      streamPrev: null,
      prevHash: this.records.at(-1)?.hash ?? GENESIS_HASH,
      payloadDigest: payloadDigest(sha256, salt, bytes),
    };
    const hash = recordHash(sha256, leafBytes({ ...leaf, envelope }));
    const { name: ledger, epoch } = this;
    const record = { ledger, epoch, ...leaf, hash, envelope, salt, payload: bytes, payloadState: 'present' as const };
    this.records.push(record);
    return record;
  }
}

/** An event of a run; the number tells runs apart. */
export const eventOf = (run: number, type: string, payload: unknown): SampleEvent => ({
  type,
  stream: `run/${runId(run)}`,
  payload,
});

export const runId = (run: number): string => `01920000-0000-7000-8000-${run.toString(16).padStart(12, '0')}`;

export const started = (run: number, experiment = `experiment ${run}`): SampleEvent =>
  eventOf(run, 'run.started', { experiment });

export const finished = (run: number): SampleEvent => eventOf(run, 'run.finished', {});

export const logged = (run: number, step: number, loss: number | string = 1 / (step + 3)): SampleEvent =>
  eventOf(run, 'run.metrics-logged', {
    attempt: runId(run),
    rows: [0, 1].map((n) => ({
      kind: n ? 'eval' : 'train',
      step,
      n,
      at: null,
      epoch: null,
      values: { loss, 'löss "x"': 2 },
    })),
  });
