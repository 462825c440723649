import { fileURLToPath } from 'node:url';
import { replayRun, type ReplayedRun, type ReplayTarget } from './replay-run.js';

const DEMO_RUNS = ['healthy-lora', 'overfit-full'];

/** Replays the two runs that ship with this package. */
export async function replayDemo(target: ReplayTarget): Promise<ReplayedRun[]> {
  const replayed: ReplayedRun[] = [];
  for (const name of DEMO_RUNS) {
    replayed.push(await replayRun(fileURLToPath(new URL(`../demo/${name}`, import.meta.url)), target));
  }
  return replayed;
}
