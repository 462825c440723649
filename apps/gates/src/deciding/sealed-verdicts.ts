import type { Connection, Pool } from '@runseal/postgres';
import type { VerdictPayload } from './verdict-event.js';

/** A verdict as it stands in the ledger, whether or not it has been projected. */
export interface SealedVerdict {
  readonly id: string;
  readonly seq: number;
  /** 64 hex digits. */
  readonly hash: string;
  readonly sealed_at: string;
  readonly payload: VerdictPayload;
}

/** As many as may follow one another without one of them being the newest by what it takes in. */
const LOOKED_AT = 20;

/** The newest verdicts on a run, newest first. Read from the ledger, which is ahead of the tables. */
export async function readSealedVerdicts(
  database: Pool | Connection,
  ledger: string,
  run: string,
): Promise<SealedVerdict[]> {
  const result = await database.query<{
    id: string;
    seq: number;
    hash: Buffer;
    envelope: Buffer;
    payload: Buffer | null;
  }>(
    `select s.event_id as id, s.seq, s.hash, s.envelope, s.payload
     from ledger.sealed_records s
     where s.ledger = $1 and s.stream = $2 and s.type = 'run.gates-evaluated'
     order by s.seq desc
     limit $3`,
    [ledger, `run/${run}`, LOOKED_AT],
  );
  return result.rows.flatMap(({ id, seq, hash, envelope, payload }) => {
    if (payload === null) return [];
    const { sealed_at } = JSON.parse(envelope.toString()) as { sealed_at: string };
    return [
      { id, seq, hash: hash.toString('hex'), sealed_at, payload: JSON.parse(payload.toString()) as VerdictPayload },
    ];
  });
}
