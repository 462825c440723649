import type { EventToSeal, SealRequest } from './seal-batch.js';

/** A record as the model knows it: no bytes, no hashes. */
export interface ModelRecord {
  readonly event: EventToSeal;
  readonly actor: string;
}

/** Outcome of one request: the code of its refusal, or its events' seqs with whether each was sealed before. */
export type ModelOutcome =
  { readonly code: string } | { readonly receipts: readonly (readonly [seq: number, duplicate: boolean])[] };

/** The contract of seal in its plainest form: what becomes of a request on these records, which it appends to. */
export function sealInModel(records: ModelRecord[], request: SealRequest): ModelOutcome {
  const { actor, events, known, ownStreams = [], expect = [] } = request;
  if (known && known.seq >= records.length) return { code: 'ledger_rewound' };

  const after = [...records];
  const receipts: [number, boolean][] = [];
  for (const event of events) {
    if (!event.type.startsWith('run.')) return { code: 'forbidden_event_type' };
    const seq = after.findIndex((record) => record.event.id === event.id);
    if (seq >= 0 && !isSame(after[seq]!.event, event)) return { code: 'event_id_conflict' };
    receipts.push(seq >= 0 ? [seq, true] : [after.length, false]);
    if (seq < 0) after.push({ event, actor });
  }
  const isNew = events.some((event) => !records.some((record) => record.event.id === event.id));
  const owner = (stream: string) => records.find((record) => record.event.stream === stream)?.actor ?? actor;
  if (isNew && ownStreams.some((stream) => owner(stream) !== actor)) return { code: 'forbidden_stream' };
  const newest = (stream: string, type?: string) =>
    records.findLastIndex(({ event }) => event.stream === stream && (type ?? event.type) === event.type);
  if (isNew && expect.some(({ stream, type, at }) => newest(stream, type) !== at)) return { code: 'version_conflict' };

  records.push(...after.slice(records.length));
  return { receipts };
}

const isSame = (one: EventToSeal, other: EventToSeal) => JSON.stringify(one) === JSON.stringify(other);
