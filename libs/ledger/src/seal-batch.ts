import { randomBytes } from 'node:crypto';
import type { EnvelopeProducer, RetentionClass } from '@runseal/chain';
import type { Expectation, KnownRecord } from '@runseal/contracts';
import type { Connection, Pool } from '@runseal/postgres';

/** An event that has passed the door: validated, its payload as canonical JSON bytes. */
export interface EventToSeal {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly class: RetentionClass;
  readonly stream: string;
  readonly occurred_at: string | null;
  readonly producer: EnvelopeProducer | null;
  readonly payload: Uint8Array;
}

/** Events that are sealed whole or not at all. */
export interface SealRequest {
  /** The principal's opaque id. */
  readonly actor: string;
  readonly events: readonly EventToSeal[];
  readonly expect?: readonly Expectation[];
  readonly known?: KnownRecord;
  /** Run streams whose first record must be this actor's, or which must have none yet. */
  readonly ownStreams?: readonly string[];
}

/** A record that a process knows to be in the ledger. */
export interface Anchor {
  readonly epoch: number;
  readonly seq: number;
  /** 64 hex digits. */
  readonly hash: string;
}

export interface Receipt {
  readonly id: string;
  readonly ledger: string;
  readonly epoch: number;
  readonly seq: number;
  /** 64 hex digits. */
  readonly hash: string;
  readonly sealed_at: string;
  readonly duplicate: boolean;
}

/** Why one request of a batch was refused, as `ledger.seal` said it; `event` counts within the request. */
export interface SealRefusal {
  readonly code: string;
  readonly event?: number;
  readonly [detail: string]: unknown;
}

export type SealOutcome = { readonly receipts: readonly Receipt[] } | { readonly refusal: SealRefusal };

interface OutcomeRow {
  epoch: number;
  epochs: number[] | null;
  seqs: string;
  hashes: Buffer;
  refusals: ({ request: number } & SealRefusal)[] | null;
  duplicates: { event: number; epoch: number; sealed_at: string; hash: string }[] | null;
}

const SEAL = `
select o.epoch, o.epochs, o.seqs::text as seqs, o.hashes, o.refusals, o.duplicates
from ledger.seal($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as o`;

/**
 * Seals requests in one autocommitted call: an outcome for each, in order. `sealedAt` is stamped into every envelope.
 * Rejects with the driver's error if the whole call failed; whether it was committed is then unknown, and the same events
 * sent again get the receipts of whatever was. Takes at most 500 events.
 */
export async function sealBatch(
  database: Pool | Connection,
  ledger: string,
  anchor: Anchor | null,
  batch: { readonly requests: readonly SealRequest[]; readonly sealedAt: Date },
): Promise<SealOutcome[]> {
  const values = sealParameters(ledger, anchor, batch);
  const result = await database.query<OutcomeRow>({ name: 'seal', text: SEAL, values });
  const row = result.rows[0];
  if (!row) throw new Error('ledger.seal returned no outcome');
  return outcomesOf(ledger, batch.sealedAt.toISOString(), batch.requests, row);
}

/**
 * The parameters of the function `ledger.seal`. Envelopes, payloads and salts each travel as one binary value: as `bytea[]` the
 * driver would send them as escaped hex text, three times as many bytes.
 */
export function sealParameters(
  ledger: string,
  anchor: Anchor | null,
  batch: { readonly requests: readonly SealRequest[]; readonly sealedAt: Date },
): unknown[] {
  const sealed_at = batch.sealedAt.toISOString();
  const events = batch.requests.flatMap(({ actor, events }) => events.map((event) => ({ actor, event })));
  const payloads = events.map(({ event }) => event.payload);
  return [
    ledger,
    anchor?.epoch ?? null,
    anchor?.seq ?? null,
    anchor ? Buffer.from(anchor.hash, 'hex') : null,
    int4Array(batch.requests.map((request) => request.events.length)),
    Buffer.from(events.map(({ actor, event }) => envelopeText(actor, sealed_at, event)).join(',')),
    int4Array(payloads.map((payload) => payload.length)),
    Buffer.concat(payloads),
    randomBytes(32 * payloads.length),
    conditionsOf(batch.requests),
  ];
}

/**
 * The canonical envelope (RFC 8785): its members stand in canonical order and hold only strings, integers and null, which
 * JSON.stringify writes as RFC 8785 does.
 */
function envelopeText(actor: string, sealed_at: string, event: EventToSeal): string {
  const { id, occurred_at, stream, type, version } = event;
  const producer = event.producer && {
    client: event.producer.client,
    id: event.producer.id,
    seq: event.producer.seq,
  };
  return JSON.stringify({ actor, class: event.class, id, occurred_at, producer, sealed_at, stream, type, version });
}

function conditionsOf(requests: readonly SealRequest[]): string | null {
  const conditions = requests.flatMap(({ actor, known, expect, ownStreams }, request) =>
    known || expect?.length || ownStreams?.length ? [{ request, known, expect, actor, own_streams: ownStreams }] : [],
  );
  return conditions.length > 0 ? JSON.stringify(conditions) : null;
}

function outcomesOf(
  ledger: string,
  sealed_at: string,
  requests: readonly SealRequest[],
  row: OutcomeRow,
): SealOutcome[] {
  const seqs = row.seqs.slice(1, -1).split(',');
  const hashes = row.hashes.toString('hex');
  const refusals = new Map(row.refusals?.map(({ request, ...refusal }) => [request, refusal]));
  const duplicates = new Map(row.duplicates?.map((found) => [found.event, found]));
  let number = 0;
  return requests.map((request, index) => {
    const first = number;
    number += request.events.length;
    const refusal = refusals.get(index);
    if (refusal) return { refusal };
    const receipts = request.events.map((event, offset): Receipt => {
      const at = first + offset;
      const earlier = duplicates.get(at);
      return {
        id: event.id,
        ledger,
        epoch: earlier?.epoch ?? row.epochs?.[at] ?? row.epoch,
        seq: Number(seqs[at]),
        hash: earlier?.hash ?? hashes.slice(64 * at, 64 * at + 64),
        sealed_at: earlier?.sealed_at ?? sealed_at,
        duplicate: earlier !== undefined,
      };
    });
    return { receipts };
  });
}

/** Postgres' binary form of an int4[]; as text, the driver would quote every number. */
function int4Array(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(20 + 8 * values.length);
  bytes.writeInt32BE(1, 0); // dimensions
  bytes.writeInt32BE(0, 4); // no nulls
  bytes.writeInt32BE(23, 8); // element type int4
  bytes.writeInt32BE(values.length, 12);
  bytes.writeInt32BE(1, 16); // first subscript
  values.forEach((value, index) => {
    bytes.writeInt32BE(4, 20 + 8 * index);
    bytes.writeInt32BE(value, 24 + 8 * index);
  });
  return bytes;
}
