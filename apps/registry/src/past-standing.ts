// How a version stood at an earlier record: its records and its run's, read from the ledger and folded anew by the same
// functions. So the past needs no tables of its own, and says what the answer was then.
import { readRecords, toSealedRecord, type StoredRecord } from '@runseal/ledger';
import { projectRecord } from '@runseal/projections';
import { evolveRun, newRunFacts, type RunEvent, type RunFacts } from '@runseal/rules';
import { evolveVersion, versionOf } from './deciding/evolve-version.js';
import type { FullStanding } from './deciding/standing.js';
import type { VersionState } from './deciding/version-state.js';
import { completeStanding } from './read-standing.js';
import type { Registry } from './registry.js';

const PAGE = 500;

/** The version as of a seq; null where it was not registered yet. */
export async function foldStanding(
  registry: Registry,
  model: string,
  version: number,
  at: number,
): Promise<FullStanding | null> {
  let state: VersionState | null = null;
  for await (const event of streamOf(registry, `model/${model}`, at)) {
    if (versionOf(event) === version) state = evolveVersion(state, event);
  }
  if (!state) return null;
  return completeStanding(registry.pool, state, await foldRun(registry, state.run, at), at);
}

/** A run's facts as of a seq. Artifacts registered in its course count events of its producers, so they come in their place. */
async function foldRun(registry: Registry, run: string, at: number): Promise<RunFacts> {
  const { rows } = await registry.pool.query<{ seq: number }>({
    name: 'artifacts-of-run',
    text: 'select a.seq from run_artifacts a where a.run = $1 and a.seq <= $2 order by a.seq',
    values: [run, at],
  });
  const others = rows.map(({ seq }) => seq);
  let facts = newRunFacts();
  const foldOthers = async (before: number) => {
    while (others[0] !== undefined && others[0] < before) {
      const from = others.shift() as number;
      const range = { ledger: registry.ledger, from, to: from + 1, limit: 1 };
      for (const stored of await readRecords(registry.pool, range)) facts = evolveRun(facts, eventOf(registry, stored));
    }
  };
  for await (const event of streamOf(registry, `run/${run}`, at)) {
    await foldOthers(event.seq);
    facts = evolveRun(facts, event);
  }
  await foldOthers(at + 1);
  return facts;
}

async function* streamOf(registry: Registry, stream: string, at: number): AsyncGenerator<RunEvent> {
  for (let from = 0; ;) {
    const page = await readRecords(registry.pool, { ledger: registry.ledger, from, to: at + 1, stream, limit: PAGE });
    for (const stored of page) yield eventOf(registry, stored);
    const last = page.at(-1);
    if (!last) return;
    from = last.seq + 1;
  }
}

const eventOf = ({ ledger }: Registry, stored: StoredRecord): RunEvent =>
  projectRecord(toSealedRecord(ledger, stored)) as RunEvent;
