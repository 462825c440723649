import type { Connection, Pool } from '@runseal/postgres';
import { readHeaders, readLedgerState } from './read-records.js';

/** Two sealing services' clocks differ by no more: seal refuses one that is further than 60 s from the database's. */
const DISORDER_MAX_MS = 120_000;

/**
 * The newest seq that was sealed at or before a time; null where none was. `sealed_at` nearly grows with seq, so a search by
 * halves comes near, and what may be out of order behind it is looked through. Throws where the ledger has a hole on the way.
 */
export async function findSeqAt(database: Pool | Connection, ledger: string, time: Date): Promise<number | null> {
  const size = (await readLedgerState(database, ledger))?.size ?? 0;
  const firstAfter = (limit_ms: number) =>
    findFirst(size, async (seq) => Date.parse(await readSealedAt(database, ledger, seq)) > limit_ms);
  const near = await firstAfter(time.getTime());
  const beyond = await firstAfter(time.getTime() + DISORDER_MAX_MS);
  const result = await database.query<{ seq: number | null }>(
    `select max(s.seq) as seq
     from ledger.sealed_records s
     where s.ledger = $1 and s.seq >= $2 and s.seq < $3
       and substring(convert_from(s.envelope, 'UTF8') from '"sealed_at":"([^"]*)"') collate "C" <= $4`,
    [ledger, Math.max(0, near - 1), beyond, time.toISOString()],
  );
  return result.rows[0]?.seq ?? null;
}

/** The smallest number below `size` for which `holds`, where it holds for all above; `size` where it holds for none. */
async function findFirst(size: number, holds: (seq: number) => Promise<boolean>): Promise<number> {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function readSealedAt(database: Pool | Connection, ledger: string, seq: number): Promise<string> {
  const [header] = await readHeaders(database, ledger, seq, seq + 1);
  if (!header) throw new Error(`Record ${seq} of the ledger "${ledger}" is missing: run "runseal verify".`);
  return (JSON.parse(header.envelope.toString()) as { sealed_at: string }).sealed_at;
}
