import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Pool } from '@runseal/postgres';
import type { VerdictFacts } from '@runseal/rules';
import type { ModelVersionShort, RunAnswer, Stage, VerdictShort } from './answers.js';
import { findDocument } from './find-document.js';
import { Lineage } from './lineage.js';
import { runAnswerOf, unmetGates } from './run-answer.js';

export class ShowRun {
  constructor(readonly run: string) {}
}

@QueryHandler(ShowRun)
export class ShowRunHandler implements IQueryHandler<ShowRun, RunAnswer> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ run }: ShowRun): Promise<RunAnswer> {
    const { pool } = this.lineage;
    const document = await findDocument(pool, run);
    const [verdict, model] = await Promise.all([findVerdict(pool, run), findModelVersion(pool, run)]);
    return runAnswerOf(run, document, { verdict, model });
  }
}

async function findVerdict(pool: Pool, run: string): Promise<VerdictShort | null> {
  const result = await pool.query<{
    document: string;
    actor: string | null;
    reason: string | null;
    seq: number | null;
  }>({
    name: 'verdict-of-run',
    text: `
select v.document, d.actor, d.reason, d.since_seq as seq
from verdicts v
left join lateral (
  select d.actor, d.reason, d.since_seq
  from verdict_decisions d
  where d.run = v.run and d.verdict = v.verdict and d.kind = 'warnings_accepted' and d.until_seq is null
  order by d.since_seq desc
  limit 1
) d on true
where v.run = $1 and v.until_seq is null
order by v.since_seq desc
limit 1`,
    values: [run],
  });
  const row = result.rows[0];
  if (!row) return null;
  const { id, seq, overall, policy, gates } = JSON.parse(row.document) as VerdictFacts;
  return {
    verdict_id: id,
    ...{ seq, overall },
    policy: { id: policy.id, version: policy.version, hash: policy.hash },
    unmet: unmetGates(gates),
    acceptance: row.actor === null ? null : { by: row.actor, reason: row.reason ?? '', seq: row.seq ?? seq },
  };
}

/** The newest version that the run became, and its stage as of a seq; by default now. */
export async function findModelVersion(
  pool: Pool,
  run: string,
  asOf = Number.MAX_SAFE_INTEGER,
): Promise<ModelVersionShort | null> {
  const result = await pool.query<{ name: string; version: number; stage: Stage | null; seq: number }>({
    name: 'version-of-run',
    text: `
select v.model as name, v.version, s.stage, v.since_seq as seq
from model_versions v
left join model_stages s on s.model = v.model and s.version = v.version
  and s.since_seq <= $2 and (s.until_seq is null or s.until_seq > $2)
where v.run = $1 and v.since_seq <= $2
order by v.since_seq desc, s.since_seq desc
limit 1`,
    values: [run, asOf],
  });
  const row = result.rows[0];
  return row ? { ...row, stage: row.stage ?? 'None' } : null;
}
