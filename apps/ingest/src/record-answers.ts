import { fromUtf8, recordJson, type RecordJson, type SealedRecord } from '@runseal/chain';
import type { StoredRecord } from '@runseal/ledger';

/** A stored record as `/v1/records` shows it. Throws a TypeError where stored bytes are no text: somebody changed them. */
export function toRecordJson(ledger: string, stored: StoredRecord): RecordJson {
  const record = toSealedRecord(ledger, stored);
  return recordJson({
    ...record,
    envelope: fromUtf8(stored.envelope),
    payload: stored.payload === null ? null : fromUtf8(stored.payload),
  });
}

export function toSealedRecord(ledger: string, stored: StoredRecord): SealedRecord {
  return {
    ledger,
    epoch: stored.epoch,
    seq: stored.seq,
    streamPrev: stored.stream_prev,
    prevHash: stored.prev_hash,
    payloadDigest: stored.payload_digest,
    hash: stored.hash,
    envelope: stored.envelope,
    salt: stored.salt,
    payload: stored.payload,
    // Pruning keeps the salt, erasure destroys it.
    payloadState: stored.payload !== null ? 'present' : stored.salt !== null ? 'pruned' : 'erased',
  };
}
