import type { SealedRecord } from '@runseal/chain';
import type { RecordSource } from '@runseal/messaging';
import type { Pool } from '@runseal/postgres';
import { readLedgerState, readRecords, toSealedRecord } from './read-records.js';

/** Sealed records as the ledger's view shows them to the role of the pool. Pages end early beyond 8 MB of payloads. */
export class LedgerRecordSource implements RecordSource {
  constructor(private readonly pool: Pool) {}

  async read(ledger: string, from: number, limit: number): Promise<readonly SealedRecord[]> {
    const page = await readRecords(this.pool, { ledger, from, limit });
    return page.map((stored) => toSealedRecord(ledger, stored));
  }

  async findNewest(ledger: string): Promise<{ epoch: number; seq: number } | null> {
    const state = await readLedgerState(this.pool, ledger);
    return state && state.size > 0 ? { epoch: state.epoch, seq: state.size - 1 } : null;
  }
}
