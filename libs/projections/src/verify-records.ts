import { equalBytes, GENESIS_HASH, recordInspector, type SealedRecord } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { PoisonRecordError } from '@runseal/messaging';

/**
 * A function that takes a ledger's records from the first one on, page by page, and throws PoisonRecordError at the first one
 * that is out of order, whose hash is not that of what it holds, or that does not follow the one before.
 */
export function chainVerifier(): (page: readonly SealedRecord[]) => void {
  const inspect = recordInspector(sha256);
  let seq = -1;
  let prevHash = GENESIS_HASH;
  return (page) => {
    for (const record of page) {
      if (record.seq !== seq + 1) throw new PoisonRecordError(seq + 1, 'the ledger does not hold it');
      const { isContentIntact, payload } = inspect(record);
      const fault = !isContentIntact
        ? 'its hash is not that of what it holds'
        : payload === 'payload_mismatch'
          ? 'its payload is not the one that was sealed'
          : equalBytes(record.prevHash, prevHash)
            ? null
            : 'it does not follow the record before it';
      if (fault) throw new PoisonRecordError(record.seq, fault);
      seq = record.seq;
      prevHash = record.hash;
    }
  };
}
