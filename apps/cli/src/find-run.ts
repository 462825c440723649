import type { Page, RunItem } from '@runseal/lineage';
import type { Server } from './server.js';
import { CliError, NO } from './surroundings.js';
import { cell } from './text-table.js';

const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const PAGE = 1_000;
const PAGES_MAX = 20;
const NAMED_MAX = 10;

/** The id of the run that a person means: its id, the beginning of it, or its whole name. Refuses what fits several runs or none. */
export async function findRun(server: Server, given: string): Promise<string> {
  if (RUN_ID.test(given)) return given;
  const found = given === '' ? [] : pick(await findContaining(server, given), given);
  const [only] = found;
  if (found.length === 1 && only) return only.run_id;
  if (found.length === 0) {
    throw new CliError(`There is no run "${given}". Wanted an id, its beginning, or a name: see runseal runs.`, NO);
  }
  const lines = found
    .slice(0, NAMED_MAX)
    .map(
      ({ run_id, name, state, ended_at }) =>
        `  ${run_id}  ${cell(name)}, ${state}${ended_at === null ? '' : ` ${ended_at}`}`,
    );
  const more = found.length > NAMED_MAX ? `\n  and ${found.length - NAMED_MAX} more` : '';
  throw new CliError(`"${given}" fits ${found.length} runs, give an id:\n${lines.join('\n')}${more}`, NO);
}

/** A name that fits wholly comes before an id that begins so. */
function pick(runs: readonly RunItem[], given: string): readonly RunItem[] {
  const named = runs.filter(({ name }) => name === given);
  return named.length > 0 ? named : runs.filter(({ run_id }) => run_id.startsWith(given));
}

/** All runs with the text in id, name, experiment or model: the server does not look for whole names. */
async function findContaining(server: Server, text: string): Promise<RunItem[]> {
  const found: RunItem[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages === 0 || cursor !== null; pages++) {
    if (pages === PAGES_MAX) throw new CliError(`"${text}" is in too many runs to look through, give an id.`);
    const query = new URLSearchParams({ q: text, limit: String(PAGE), ...(cursor === null ? {} : { cursor }) });
    const page: Page<RunItem> = await server.getJson(`/v1/runs?${query.toString()}`);
    found.push(...page.items);
    cursor = page.next_cursor;
  }
  return found;
}
