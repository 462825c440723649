import { findSeqAt } from '@runseal/ledger';
import type { AsOf } from '@runseal/runtime';
import type { Gates } from './gates.js';

/** The seq that an answer is true for: what was asked for, but never beyond what is projected. -1: before the first record. */
export async function findMoment({ pool, ledger, parts }: Gates, asOf: AsOf | undefined): Promise<number> {
  const position = (await parts.reader.findPosition())?.seq ?? -1;
  if (asOf === undefined) return position;
  const seq = 'seq' in asOf ? asOf.seq : ((await findSeqAt(pool, ledger, asOf.time)) ?? -1);
  return Math.min(seq, position);
}
