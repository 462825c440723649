import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { AsOf } from '@runseal/runtime';
import { auditRecord, checklistOf, complianceOf, type IsRegistered, type Judging, type RunFacts } from '@runseal/rules';
import type { AuditRecordAnswer, ChecklistAnswer, ComplianceAnswer } from './answers.js';
import { findDocument } from './find-document.js';
import { foldRun } from './fold-run.js';
import { Lineage } from './lineage.js';
import { findMoment } from './moment.js';
import { keyOf } from './nodes.js';
import { findModelVersion } from './show-run.js';

export class ShowAuditRecord {
  constructor(readonly run: string) {}
}

@QueryHandler(ShowAuditRecord)
export class ShowAuditRecordHandler implements IQueryHandler<ShowAuditRecord, AuditRecordAnswer> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ run }: ShowAuditRecord): Promise<AuditRecordAnswer> {
    const { facts, rows } = await findDocument(this.lineage.pool, run);
    const { record, evidence, asserted } = auditRecord(facts, rows, facts.verdict);
    return { ...record, evidence, asserted };
  }
}

export class ShowChecklist {
  constructor(readonly run: string) {}
}

@QueryHandler(ShowChecklist)
export class ShowChecklistHandler implements IQueryHandler<ShowChecklist, ChecklistAnswer> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ run }: ShowChecklist): Promise<ChecklistAnswer> {
    const { facts } = await findDocument(this.lineage.pool, run);
    const items = await judge(this.lineage, { run, facts, asOf: Number.MAX_SAFE_INTEGER }, checklistOf);
    return { run_id: run, items };
  }
}

export class ShowCompliance {
  constructor(
    readonly run: string,
    readonly asOf?: AsOf,
  ) {}
}

@QueryHandler(ShowCompliance)
export class ShowComplianceHandler implements IQueryHandler<ShowCompliance, ComplianceAnswer> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ run, asOf }: ShowCompliance): Promise<ComplianceAnswer> {
    const seq = await findMoment(this.lineage, asOf);
    const { facts: newest } = await findDocument(this.lineage.pool, run);
    // Nearly always asked for now. Else the facts of then are folded anew: they are not kept.
    const facts = newest.seq <= seq ? newest : await foldRun(this.lineage, run, seq);
    return { run_id: run, ...(await judge(this.lineage, { run, facts, asOf: seq }, complianceOf)), as_of: seq };
  }
}

/** Judges with what stood at a seq. Which digests count is asked first, then looked up at once: rules read nothing. */
async function judge<Answer>(
  { pool }: Lineage,
  { run, facts, asOf }: { readonly run: string; readonly facts: RunFacts; readonly asOf: number },
  rule: (facts: RunFacts, judging: Judging) => Answer,
): Promise<Answer> {
  const version = await findModelVersion(pool, run, asOf);
  const modelVersion = version && { model: version.name, version: version.version, seq: version.seq };
  const judging = { verdict: facts.verdict, modelVersion, waivers: [] };
  const asked = new Set<string>();
  const isAsked: IsRegistered = (digest) => {
    asked.add(digest);
    return true;
  };
  rule(facts, { ...judging, isRegistered: isAsked });
  const registered = await findRegistered(pool, [...asked], asOf);
  return rule(facts, { ...judging, isRegistered: (digest) => registered.has(digest) });
}

/** Digests that somebody registered, or that a registered folder lists. */
async function findRegistered(pool: Lineage['pool'], digests: readonly string[], asOf: number): Promise<Set<string>> {
  if (digests.length === 0) return new Set();
  const result = await pool.query<{ digest: string }>({
    name: 'registered',
    text: `
select a.digest
from unnest($1::text[], $2::uuid[]) as a (digest, node)
where exists (
    select from sightings s
    where s.node = a.node and s.source = 'registered' and s.seq <= $3
  )
  or exists (
    select from folder_files f
    join sightings s on s.node = f.folder and s.source = 'registered' and s.seq <= $3
    where f.file = a.node and f.since_seq <= $3
  )`,
    values: [digests, digests.map(keyOf), asOf],
  });
  return new Set(result.rows.map(({ digest }) => digest));
}
