import { recordJson, type RecordJson } from '@runseal/chain';
import { toSealedRecord, type StoredRecord } from '@runseal/ledger';

/**
 * A stored record as `/v1/records` shows it. Bytes that are no UTF-8 were changed after they were sealed: they are shown with
 * replacement characters, so that whoever verifies finds the record instead of an answer that never comes.
 */
export function toRecordJson(ledger: string, stored: StoredRecord): RecordJson {
  return recordJson({
    ...toSealedRecord(ledger, stored),
    envelope: stored.envelope.toString('utf8'),
    payload: stored.payload?.toString('utf8') ?? null,
  });
}
