import type { CheckpointDeletion, CheckpointFacts, RunFacts } from './run-facts.js';

/**
 * The deletion of each of the run's checkpoints, in their order; null where none is told. A deletion is of what lay at its
 * path at that step, whichever attempt had saved it, and without a path of what its own attempt saved; of nothing that was saved
 * after it.
 */
export function deletionsOf({ checkpoints, checkpoints_deleted }: RunFacts): readonly (CheckpointDeletion | null)[] {
  if (checkpoints_deleted.length === 0) return checkpoints.map(() => null);
  const bySteps = Map.groupBy(checkpoints_deleted, ({ step }) => step);
  return checkpoints.map(
    (saved) => bySteps.get(saved.step)?.find((deleted) => isSame(saved, deleted) && !isEarlier(deleted, saved)) ?? null,
  );
}

const isSame = (saved: CheckpointFacts, deleted: CheckpointDeletion): boolean =>
  saved.path !== null && deleted.path !== null ? saved.path === deleted.path : saved.attempt === deleted.attempt;

/** By their own clocks where both tell: of two who report, the one who saves may be heard later. */
function isEarlier(deleted: CheckpointDeletion, saved: CheckpointFacts): boolean {
  if (deleted.seq > saved.seq) return false;
  return deleted.at === null || saved.at === null || Date.parse(deleted.at) < Date.parse(saved.at);
}
