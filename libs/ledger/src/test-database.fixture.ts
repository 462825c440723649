import { createHash, randomUUID } from 'node:crypto';
import {
  equalBytes,
  GENESIS_HASH,
  leafBytes,
  payloadDigest,
  recordHash,
  toHex,
  type RetentionClass,
} from '@runseal/chain';
import { migrate, openPool, type Connection, type Pool } from '@runseal/postgres';
import { ledgerMigrations } from './ledger-migrations.js';
import {
  sealBatch,
  type Anchor,
  type EventToSeal,
  type Receipt,
  type SealOutcome,
  type SealRequest,
} from './seal-batch.js';

export const SERVICE_ROLES = [
  'runseal_ingest',
  'runseal_lineage',
  'runseal_gates',
  'runseal_registry',
  'runseal_maintenance',
  'runseal_auditor',
] as const;
export const PASSWORD = 'only-for-tests';
export const ACTOR = 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa';

/** A migrated database whose roles can log in, with a pool for each. */
export class TestDatabase {
  private ledgers = 0;

  private constructor(
    readonly url: string,
    readonly superuser: Pool,
    readonly ingest: Pool,
    readonly maintenance: Pool,
  ) {}

  /** Migrates the database behind a superuser's URL and gives its roles a password. */
  static async open(url: string): Promise<TestDatabase> {
    await migrate(url, await ledgerMigrations());
    const superuser = openPool({ url, applicationName: 'test-superuser' });
    for (const role of SERVICE_ROLES) await superuser.query(`alter role ${role} password '${PASSWORD}'`);
    const as = (role: string) => openPool({ url: roleUrl(url, role), applicationName: `test-${role}` });
    return new TestDatabase(url, superuser, as('runseal_ingest'), as('runseal_maintenance'));
  }

  urlAs(role: string): string {
    return roleUrl(this.url, role);
  }

  /** An empty ledger of its own, not opened yet. */
  async createLedger(): Promise<TestLedger> {
    const name = `ledger-${++this.ledgers}`;
    await this.maintenance.query('select ledger.create_ledger($1)', [name]);
    return new TestLedger(this, name);
  }

  /** A ledger of its own that holds ledger.opened. */
  async openLedger(): Promise<TestLedger> {
    const ledger = await this.createLedger();
    await ledger.seal([request(opening(ledger.name))], { by: this.maintenance });
    return ledger;
  }

  async close(): Promise<void> {
    await Promise.all([this.superuser, this.ingest, this.maintenance].map((pool) => pool.end()));
  }
}

export interface StoredRecord {
  seq: number;
  epoch: number;
  event_id: string;
  type: string;
  stream: string;
  stream_prev: number | null;
  prev_hash: Buffer;
  payload_digest: Buffer;
  hash: Buffer;
  envelope: Buffer;
  salt: Buffer | null;
  payload: Buffer | null;
}

export class TestLedger {
  constructor(
    readonly database: TestDatabase,
    readonly name: string,
  ) {}

  /** One call of seal, by `ingest` and with the newest record as anchor unless told otherwise. */
  async seal(
    requests: readonly SealRequest[],
    more: { by?: Pool | Connection; anchor?: Anchor | null; sealedAt?: Date } = {},
  ): Promise<SealOutcome[]> {
    const { by = this.database.ingest, anchor = await this.anchor(), sealedAt = new Date() } = more;
    return sealBatch(by, this.name, anchor, { requests, sealedAt });
  }

  /** The newest record, as its head row tells; null where there is none. */
  async anchor(): Promise<Anchor | null> {
    const { epoch, size, newest_hash } = await this.head();
    return size === 0 ? null : { epoch, seq: size - 1, hash: toHex(newest_hash) };
  }

  async head(): Promise<{ epoch: number; size: number; newest_hash: Buffer }> {
    const { rows } = await this.database.superuser.query(
      'select epoch, size, newest_hash from ledger.ledgers where name = $1',
      [this.name],
    );
    return rows[0];
  }

  /** What is stored, in order of seq. */
  async records(): Promise<StoredRecord[]> {
    const { rows } = await this.database.superuser.query<StoredRecord>(
      `select r.seq, r.epoch, r.event_id, r.type, r.stream, r.stream_prev, r.prev_hash, r.payload_digest, r.hash,
        r.envelope, p.salt, p.payload
      from ledger.ledgers l
      join ledger.records r on r.ledger = l.ledger
      left join ledger.payloads p on p.ledger = r.ledger and p.seq = r.seq
      where l.name = $1
      order by r.seq`,
      [this.name],
    );
    return rows;
  }

  /** Restored from an older copy: as superuser, takes away all records from `size` on and sets the head row back. */
  async setBack(size: number): Promise<void> {
    await this.database.superuser.query(
      `with l as (select ledger from ledger.ledgers where name = $1),
        p as (delete from ledger.payloads using l where payloads.ledger = l.ledger and seq >= $2),
        r as (delete from ledger.records using l where records.ledger = l.ledger and seq >= $2)
      update ledger.ledgers set size = $2, newest_hash = kept.hash, epoch = kept.epoch
      from ledger.records kept
      where ledgers.name = $1 and kept.ledger = ledgers.ledger and kept.seq = $2 - 1`,
      [this.name, size],
    );
  }
}

/** What is wrong with a ledger's records, recomputed from the stored bytes by the chain library; nothing where intact. */
export function findChainFaults(records: readonly StoredRecord[]): string[] {
  const faults: string[] = [];
  const newest = new Map<string, number>();
  let prevHash = GENESIS_HASH;
  records.forEach((record, index) => {
    const must = (what: string, holds: boolean) => holds || faults.push(`${what} of record ${index}`);
    const streamPrev = newest.get(record.stream) ?? null;
    const digest = record.salt && record.payload && payloadDigest(sha256, record.salt, record.payload);
    const leaf = leafBytes({
      seq: index,
      streamPrev,
      prevHash,
      payloadDigest: record.payload_digest,
      envelope: record.envelope,
    });
    must('seq', record.seq === index);
    must('stream_prev', record.stream_prev === streamPrev);
    must('prev_hash', equalBytes(record.prev_hash, prevHash));
    must('payload_digest', !digest || equalBytes(record.payload_digest, digest));
    must('hash', equalBytes(record.hash, recordHash(sha256, leaf)));
    prevHash = record.hash;
    newest.set(record.stream, index);
  });
  return faults;
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** An event of a run, new unless told otherwise. */
export function event(change: Partial<EventToSeal> = {}): EventToSeal {
  return {
    id: randomUUID(),
    type: 'run.started',
    version: 1,
    class: 'permanent' as RetentionClass,
    stream: `run/${randomUUID()}`,
    occurred_at: null,
    producer: null,
    payload: payloadOf({}),
    ...change,
  };
}

export const opening = (ledger: string, change: Partial<EventToSeal> = {}) =>
  event({ type: 'ledger.opened', stream: `ledger/${ledger}`, payload: payloadOf({ epoch: 0 }), ...change });

export const payloadOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

export const request = (...events: EventToSeal[]): SealRequest => ({ actor: ACTOR, events });

/** The receipts of an outcome; throws where it was refused. */
export function receiptsOf(outcome: SealOutcome | undefined): readonly Receipt[] {
  if (outcome && 'receipts' in outcome) return outcome.receipts;
  throw new Error(`expected receipts, found ${JSON.stringify(outcome)}`);
}

/** The refusal's code; null where the request was sealed. */
export const codeOf = (outcome: SealOutcome | undefined): string | null =>
  outcome && 'refusal' in outcome ? outcome.refusal.code : null;

function roleUrl(url: string, role: string): string {
  const changed = new URL(url);
  changed.username = role;
  changed.password = PASSWORD;
  return changed.toString();
}
