import type { Page, RunItem } from '@runseal/lineage';
import type { Server } from './server.js';
import { CliError, NO } from './surroundings.js';

const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The id of the run that a person means: its id, the beginning of it, or its whole name. Refuses what fits several runs or none. */
export async function findRun(server: Server, given: string): Promise<string> {
  if (RUN_ID.test(given)) return given;
  const { items } = await server.getJson<Page<RunItem>>(`/v1/runs?q=${encodeURIComponent(given)}&limit=100`);
  const named = items.filter((run) => run.name === given);
  const found = named.length > 0 ? named : items.filter((run) => run.run_id.startsWith(given));
  const [only] = found;
  if (found.length === 1 && only) return only.run_id;
  if (found.length === 0)
    throw new CliError(`There is no run "${given}". Wanted an id, its beginning, or a name: see runseal runs.`, NO);
  throw new CliError(
    `"${given}" fits ${found.length} runs, give an id: ${found.map((run) => run.run_id).join(', ')}`,
    NO,
  );
}
