import { randomUUID } from 'node:crypto';
import {
  canonicalJson,
  envelopeBytes,
  GENESIS_HASH,
  leafBytes,
  payloadDigest,
  recordHash,
  toUtf8,
} from '@runseal/chain';
import type { SealedRecord } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { eventTypes, type EventType } from '@runseal/contracts';
import type { RecordSource } from '@runseal/messaging';
import type { SampleEvent } from './events.fixture.js';

const ACTOR = 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa';

/** A sound chain of records in memory: what the ledger would give to its readers, whoever may seal what. */
export class MemoryLedger implements RecordSource {
  readonly name = 'default';
  readonly records: SealedRecord[] = [];

  /** Seals events and returns the seq of the last one. */
  seal(...events: readonly SampleEvent[]): number {
    for (const event of events) this.append(event);
    return this.records.length - 1;
  }

  read(ledger: string, from: number, limit: number): Promise<readonly SealedRecord[]> {
    return Promise.resolve(ledger === this.name ? this.records.slice(from, from + limit) : []);
  }

  findNewest(): Promise<{ readonly epoch: number; readonly seq: number } | null> {
    const newest = this.records.at(-1);
    return Promise.resolve(newest ? { epoch: newest.epoch, seq: newest.seq } : null);
  }

  private append(event: SampleEvent): void {
    const seq = this.records.length;
    const salt = sha256(toUtf8(`salt ${seq}`));
    const payload = toUtf8(canonicalJson(event.payload));
    const envelope = envelopeBytes({
      actor: event.actor ?? ACTOR,
      class: eventTypes[event.type as EventType].class,
      id: event.id ?? randomUUID(),
      occurred_at: event.occurred_at ?? null,
      producer: event.producer ?? null,
      sealed_at: new Date(Date.UTC(2026, 0, 26) + 1_000 * seq).toISOString(),
      stream: event.stream,
      type: event.type,
      version: 1,
    });
    const prevHash = this.records.at(-1)?.hash ?? GENESIS_HASH;
    const leaf = { seq, streamPrev: null, prevHash, payloadDigest: payloadDigest(sha256, salt, payload) };
    const hash = recordHash(sha256, leafBytes({ ...leaf, envelope }));
    this.records.push({
      ...{ ledger: this.name, epoch: 0, ...leaf, hash, envelope, salt, payload },
      payloadState: 'present' as const,
    });
  }
}
