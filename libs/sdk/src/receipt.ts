import type { KnownRecord } from '@runseal/contracts';

/** What the submitter gets for a sealed event. */
export interface Receipt {
  id: string;
  ledger: string;
  epoch: number;
  seq: number;
  /** 64 hex digits. */
  hash: string;
  sealed_at: string;
  /** True where the event had been sealed before: the rest is the first receipt's. */
  duplicate: boolean;
}

/** Whether the left one lies later in the ledger's history. */
export function isNewer(left: KnownRecord, right: KnownRecord | null): boolean {
  return right === null || left.epoch > right.epoch || (left.epoch === right.epoch && left.seq > right.seq);
}

export function isReceipt(value: unknown): value is Receipt {
  if (value === null || typeof value !== 'object') return false;
  const { id, ledger, epoch, seq, hash, sealed_at } = value as Receipt;
  return (
    typeof id === 'string' &&
    typeof ledger === 'string' &&
    Number.isSafeInteger(epoch) &&
    Number.isSafeInteger(seq) &&
    typeof hash === 'string' &&
    /^[0-9a-f]{64}$/.test(hash) &&
    typeof sealed_at === 'string'
  );
}
