import { inTransaction, type Connection, type Pool } from '@runseal/postgres';
import { complianceOf, newRunFacts, type RunFacts } from '@runseal/rules';
import type { FullStanding } from './deciding/standing.js';
import type { VersionState } from './deciding/version-state.js';

/** What is known of a version as of one position, and what it rests on. */
export interface StandingRead {
  readonly standing: FullStanding;
  /** Newest record of the model's stream. */
  readonly modelSeq: number;
}

/** The version, its run and its model as of one position: one snapshot. Null where there is no such version. */
export function readStanding(pool: Pool, model: string, version: number): Promise<StandingRead | null> {
  return inSnapshot(pool, async (connection) => {
    const result = await connection.query<{ state: string; facts: string | null; newest_seq: number }>({
      name: 'read-standing',
      text: `
select v.document as state, r.document as facts, m.newest_seq
from versions v
join models m on m.model = v.model
left join runs r on r.run = v.run
where v.model = $1 and v.version = $2`,
      values: [model, version],
    });
    const [row] = result.rows;
    if (!row) return null;
    const state = JSON.parse(row.state) as VersionState;
    const facts = row.facts === null ? newRunFacts() : (JSON.parse(row.facts) as RunFacts);
    return { standing: await completeStanding(connection, state, facts), modelSeq: row.newest_seq };
  });
}

/** Several statements on one state of the tables. Writes nothing. */
export function inSnapshot<T>(pool: Pool, work: (connection: Connection) => Promise<T>): Promise<T> {
  return inTransaction(pool, async (connection) => {
    await connection.query('set transaction isolation level repeatable read, read only');
    return work(connection);
  });
}

/** Adds what a decision needs beside version and run: the policy's word, registered digests, compliance. `at`: as of that seq. */
export async function completeStanding(
  connection: Connection | Pool,
  version: VersionState,
  facts: RunFacts,
  at: number = Number.MAX_SAFE_INTEGER,
): Promise<FullStanding> {
  const digests = [...new Set(JSON.stringify(facts).match(/sha256:[0-9a-f]{64}/g) ?? [])];
  const registered = await connection.query<{ digest: string }>({
    name: 'find-registered',
    text: 'select a.digest from artifacts a where a.digest = any ($1::text[]) and a.since_seq <= $2',
    values: [digests, at],
  });
  const known = new Set(registered.rows.map(({ digest }) => digest));
  const policy = await connection.query({
    name: 'find-admitting-policy',
    text: 'select from admitting_policies p where p.hash = $1 and p.since_seq <= $2',
    values: [facts.verdict?.policy.hash ?? '', at],
  });
  const compliance = complianceOf(facts, {
    verdict: facts.verdict,
    isRegistered: (digest) => known.has(digest),
    modelVersion: { model: version.model, version: version.version, seq: version.registered.seq },
    waivers: [],
  });
  return { version, facts, admitsOverridden: policy.rowCount === 1, compliance };
}
