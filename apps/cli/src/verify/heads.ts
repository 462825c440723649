import { findNewestEpoch, findNewestHead, readHead, type HeadStore } from '@runseal/ledger';

/** Heads that are compared at most, of each epoch; the newest is always among them. */
const HEADS_MAX = 256;

/** Notes of every epoch's heads, spread evenly where there are many. Heads are numbered from 0 without holes. */
export async function sampleHeads(store: HeadStore): Promise<string[]> {
  const notes: string[] = [];
  const newestEpoch = await findNewestEpoch(store);
  for (let epoch = 0; epoch <= (newestEpoch ?? -1); epoch++) {
    const newest = await findNewestHead(store, epoch);
    if (!newest) continue;
    const step = Math.max(1, newest.number / HEADS_MAX);
    for (let at = 0; Math.floor(at) < newest.number; at += step) {
      const head = await readHead(store, epoch, Math.floor(at));
      if (head) notes.push(head.note);
    }
    notes.push(newest.note);
  }
  return notes;
}
