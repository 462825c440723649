import type { SealedRecord } from '@runseal/chain';
import type { Connection, Pool } from '@runseal/postgres';

/** A record as stored; byte values as the database holds them. */
export interface StoredRecord {
  readonly epoch: number;
  readonly seq: number;
  readonly event_id: string;
  readonly type: string;
  readonly stream: string;
  readonly stream_prev: number | null;
  readonly prev_hash: Buffer;
  readonly payload_digest: Buffer;
  readonly hash: Buffer;
  readonly envelope: Buffer;
  readonly salt: Buffer | null;
  readonly payload: Buffer | null;
}

/** A stored record as everything that verifies takes it: the bytes are the stored ones. */
export function toSealedRecord(ledger: string, stored: StoredRecord): SealedRecord {
  const { epoch, seq, hash, envelope, salt, payload } = stored;
  return {
    ledger,
    epoch,
    seq,
    streamPrev: stored.stream_prev,
    prevHash: stored.prev_hash,
    payloadDigest: stored.payload_digest,
    hash,
    envelope,
    salt,
    payload,
    // Pruning keeps the salt, erasure destroys it.
    payloadState: payload !== null ? 'present' : salt !== null ? 'pruned' : 'erased',
  };
}

export interface RecordRange {
  readonly ledger: string;
  /** The first seq wanted. */
  readonly from: number;
  /** Seqs below this one; by default to the end. */
  readonly to?: number;
  readonly stream?: string;
  readonly type?: string;
  /** At most so many records. */
  readonly limit: number;
}

/** Bytes of payloads after which a page ends early, so that a page of large payloads stays small. */
const PAGE_BYTES_MAX = 8 * 1024 * 1024;

// The size of a payload is known without reading it from where large values are stored.
const pageOf = (conditions: readonly string[]) => `
select p.epoch, p.seq, p.event_id, p.type, p.stream, p.stream_prev, p.prev_hash, p.payload_digest, p.hash, p.envelope,
  p.salt, p.payload
from (
  select r.*, sum(octet_length(r.payload)) over (order by r.seq rows between unbounded preceding and 1 preceding) as bytes_before
  from (
    select s.epoch, s.seq, s.event_id, s.type, s.stream, s.stream_prev, s.prev_hash, s.payload_digest, s.hash, s.envelope,
      s.salt, s.payload
    from ledger.sealed_records s
    where s.ledger_id = (select n.ledger_id from ledger.newest_records n where n.ledger = $1)
      and s.seq >= $2
      and s.seq < $3
${conditions.map((condition) => `      and ${condition}\n`).join('')}    order by s.seq
    limit $4
  ) as r
) as p
where coalesce(p.bytes_before, 0) < ${PAGE_BYTES_MAX}
order by p.seq`;

/** A condition that is not asked for must not stand in the query either: a plan for both would use no index well. */
function page({ stream, type }: { stream: string | undefined; type: string | undefined }): [string, string[]] {
  const asked = Object.entries({ stream, type }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return [pageOf(asked.map(([column], at) => `s.${column} = $${at + 5}`)), asked.map(([, value]) => value)];
}

/** One page of records in order of seq; ends early beyond 8 MB of payloads, but holds at least one record where there is one. */
export async function readRecords(database: Pool | Connection, range: RecordRange): Promise<StoredRecord[]> {
  const { ledger, from, to = Number.MAX_SAFE_INTEGER, stream, type, limit } = range;
  const read = async (until: number) => {
    const [text, values] = page({ stream, type });
    const result = await database.query<StoredRecord>({
      name: `read-records-${stream ? 's' : ''}${type ? 't' : ''}`,
      text,
      values: [ledger, from, until, limit, ...values],
    });
    return result.rows;
  };
  if (stream || type) return read(to);
  return nearFirst(Math.min(to, from + limit), to, read);
}

/**
 * Without holes, a page without conditions lies next to where it begins. Told so, Postgres reads that much and no more; it
 * cannot see through the view that the index already has the order. Only where records are gone it has to look further.
 */
async function nearFirst<Row>(near: number, to: number, read: (until: number) => Promise<Row[]>): Promise<Row[]> {
  const rows = await read(near);
  return rows.length === 0 && near < to ? read(to) : rows;
}

/** All records from `from` up to `to`, a page at a time, in bounded memory. */
export async function* streamRecords(
  database: Pool | Connection,
  range: Omit<RecordRange, 'limit'>,
): AsyncGenerator<StoredRecord[]> {
  let from = range.from;
  for (;;) {
    const page = await readRecords(database, { ...range, from, limit: 1_000 });
    const last = page.at(-1);
    if (!last) return;
    yield page;
    from = last.seq + 1;
  }
}

/** The records that a signer hashes: without payloads, which their digests stand for. */
export type RecordHeader = Omit<StoredRecord, 'salt' | 'payload' | 'event_id' | 'type' | 'stream' | 'epoch'>;

/** One page of headers and envelopes in order of seq, from `from` on, below `to`. */
export async function readHeaders(
  database: Pool | Connection,
  ledger: string,
  from: number,
  to: number,
): Promise<RecordHeader[]> {
  const read = async (until: number) => {
    const result = await database.query<RecordHeader>({
      name: 'read-headers',
      text: `
select s.seq, s.stream_prev, s.prev_hash, s.payload_digest, s.hash, s.envelope
from ledger.sealed_records s
where s.ledger = $1 and s.seq >= $2 and s.seq < $3
order by s.seq
limit ${HEADERS_PAGE}`,
      values: [ledger, from, until],
    });
    return result.rows;
  };
  return nearFirst(Math.min(to, from + HEADERS_PAGE), to, read);
}

const HEADERS_PAGE = 2_000;

export interface LedgerState {
  readonly epoch: number;
  readonly size: number;
  /** 64 hex digits; zeros while the ledger is empty. */
  readonly newest_hash: string;
}

/** Epoch, number of records and newest hash of a ledger; null where there is no such ledger. */
export async function readLedgerState(database: Pool | Connection, ledger: string): Promise<LedgerState | null> {
  const result = await database.query<{ epoch: number; size: number; newest_hash: Buffer }>({
    name: 'read-ledger-state',
    text: 'select n.epoch, n.size, n.newest_hash from ledger.newest_records n where n.ledger = $1',
    values: [ledger],
  });
  const row = result.rows[0];
  return row ? { epoch: row.epoch, size: row.size, newest_hash: row.newest_hash.toString('hex') } : null;
}
