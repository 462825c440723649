import type { Connection } from '@runseal/postgres';
import { insertNewRows, insertRows, type ProjectedRecord, type RowOf } from '@runseal/projections';
import type { RunFacts } from '@runseal/rules';
import type { GraphBatch } from './graph-batch.js';
import { approvalNode, keyOf, modelNode, runNode, verdictNode } from './nodes.js';
import { modelApprovals, modelStages, modelVersions, verdictDecisions, verdicts } from './tables.js';

type Mutable<Row> = { -readonly [Name in keyof Row]: Row[Name] };

/** What the records of one batch say of verdicts, versions, stages and approvals. Each row holds until the next of its kind. */
export class JudgementBatch {
  private readonly verdicts: Mutable<RowOf<typeof verdicts>>[] = [];
  private readonly decisions: Mutable<RowOf<typeof verdictDecisions>>[] = [];
  private readonly versions: RowOf<typeof modelVersions>[] = [];
  private readonly stages: Mutable<RowOf<typeof modelStages>>[] = [];
  private readonly approvals: RowOf<typeof modelApprovals>[] = [];
  /** First seqs at which rows from before this batch end, by run, and by model and version. */
  private readonly judged = new Map<string, number>();
  private readonly moved = new Map<
    string,
    { readonly model: string; readonly version: number; readonly seq: number }
  >();

  constructor(private readonly graph: GraphBatch) {}

  /** `before`: the run's facts without this record. */
  addRunRecord(record: ProjectedRecord, run: string, before: RunFacts): void {
    if (record.payload === null) return;
    switch (record.type) {
      case 'run.gates-evaluated':
        return this.addVerdict(record, run);
      case 'run.warnings-accepted':
        return this.addDecision(record, run, { kind: 'warnings_accepted', gate: null, expires_at: null, before });
      case 'run.gate-overridden': {
        const { gate, expires_at } = record.payload;
        return this.addDecision(record, run, { kind: 'gate_overridden', gate, expires_at, before });
      }
      default:
        return;
    }
  }

  addModelRecord(record: ProjectedRecord): void {
    const { seq, id, actor, stream } = record;
    if (record.payload === null) return;
    const model = stream.slice(stream.indexOf('/') + 1);
    switch (record.type) {
      case 'model.version-registered': {
        const { version, run, artifact } = record.payload;
        const { digest } = artifact;
        const row = { model, version, run, artifact: digest === null ? null : keyOf(digest), since_seq: seq };
        this.versions.push(row);
        this.graph.link({ from: digest ?? runNode(run), to: modelNode(model, version), kind: 'registered_as' }, seq);
        return this.move({ model, version, seq }, 'None');
      }
      case 'model.stage-changed': {
        const { version, to, verdict } = record.payload;
        const node = modelNode(model, version);
        if (verdict) this.graph.link({ from: verdictNode(verdict.id), to: node, kind: 'gated' }, seq);
        else this.graph.node(node, seq);
        return this.move({ model, version, seq }, to);
      }
      case 'model.approval-given':
      case 'model.approval-refused': {
        const { version } = record.payload;
        const is_given = record.type === 'model.approval-given';
        this.approvals.push({ approval: id, model, version, since_seq: seq, is_given, actor });
        const kind = is_given ? 'approved' : 'refused';
        return this.graph.link({ from: approvalNode(id), to: modelNode(model, version), kind }, seq);
      }
      default:
        return;
    }
  }

  async write(connection: Connection): Promise<void> {
    await endVerdicts(connection, this.judged);
    await endStages(connection, [...this.moved.values()]);
    await insertRows(connection, verdicts, this.verdicts);
    await insertRows(connection, verdictDecisions, this.decisions);
    await insertNewRows(connection, modelVersions, this.versions);
    await insertRows(connection, modelStages, this.stages);
    await insertRows(connection, modelApprovals, this.approvals);
  }

  private addVerdict(record: ProjectedRecord<'run.gates-evaluated'>, run: string): void {
    const { seq, id, hash, sealed_at, payload } = record;
    if (payload === null) return;
    for (const row of [...this.verdicts, ...this.decisions]) if (row.run === run) row.until_seq ??= seq;
    if (!this.judged.has(run)) this.judged.set(run, seq);
    const { overall, policy, position, engine, weights } = payload;
    const gates = payload.gates.map(({ explanation: _, inputs: __, baseline: ___, ...gate }) => gate);
    const document = JSON.stringify({ id, seq, hash, sealed_at, overall, position, policy, engine, weights, gates });
    this.verdicts.push({ verdict: id, run, since_seq: seq, until_seq: null, overall, document });
  }

  /** A decision about a verdict that no longer stands never holds. */
  private addDecision(
    record: ProjectedRecord<'run.warnings-accepted'> | ProjectedRecord<'run.gate-overridden'>,
    run: string,
    more: { kind: string; gate: string | null; expires_at: string | null; before: RunFacts },
  ): void {
    const { seq, id, actor, payload } = record;
    if (payload === null) return;
    const { kind, gate, expires_at, before } = more;
    const until_seq = before.verdict?.id === payload.verdict ? null : seq;
    const { verdict, reason } = payload;
    this.decisions.push({
      ...{ decision: id, verdict, run, since_seq: seq, until_seq },
      ...{ kind, gate, actor, reason, expires_at },
    });
  }

  private move(to: { readonly model: string; readonly version: number; readonly seq: number }, stage: string): void {
    const { model, version, seq } = to;
    for (const row of this.stages) {
      if (row.model === model && row.version === version) row.until_seq ??= seq;
    }
    const name = `${version} ${model}`;
    if (!this.moved.has(name)) this.moved.set(name, to);
    this.stages.push({ model, version, since_seq: seq, until_seq: null, stage });
  }
}

async function endVerdicts(connection: Connection, judged: ReadonlyMap<string, number>): Promise<void> {
  if (judged.size === 0) return;
  for (const table of ['verdicts', 'verdict_decisions']) {
    await connection.query({
      name: `end-${table}`,
      text: `
update ${table} t
set until_seq = j.seq
from unnest($1::uuid[], $2::bigint[]) as j (run, seq)
where t.run = j.run and t.until_seq is null`,
      values: [[...judged.keys()], [...judged.values()]],
    });
  }
}

async function endStages(
  connection: Connection,
  moved: readonly { readonly model: string; readonly version: number; readonly seq: number }[],
): Promise<void> {
  if (moved.length === 0) return;
  await connection.query({
    name: 'end-stages',
    text: `
update model_stages s
set until_seq = m.seq
from unnest($1::text[], $2::bigint[], $3::bigint[]) as m (model, version, seq)
where s.model = m.model and s.version = m.version and s.until_seq is null`,
    values: [moved.map(({ model }) => model), moved.map(({ version }) => version), moved.map(({ seq }) => seq)],
  });
}
