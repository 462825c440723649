import { findSeqAt } from '@runseal/ledger';
import type { AsOf } from '@runseal/runtime';
import type { Registry } from './registry.js';

/** The seq that a question about the past is about: never beyond what is projected. -1: before the first record. */
export async function findMoment({ pool, ledger, parts }: Registry, asOf: AsOf): Promise<number> {
  const position = (await parts.reader.findPosition())?.seq ?? -1;
  const seq = 'seq' in asOf ? asOf.seq : ((await findSeqAt(pool, ledger, asOf.time)) ?? -1);
  return Math.min(seq, position);
}
