import type { Connection } from '@runseal/postgres';
import { insertNewRows, type ProjectedRecord, type RowOf } from '@runseal/projections';
import { baselines, modelStages, modelVersions, policies, verdictDecisions, verdicts } from './tables.js';

/** Verdicts, what people decided about them, policies, baselines and versions in a batch of records. */
export class JudgementBatch {
  private readonly verdicts: RowOf<typeof verdicts>[] = [];
  private readonly decisions: RowOf<typeof verdictDecisions>[] = [];
  private readonly policies: RowOf<typeof policies>[] = [];
  private readonly baselines: RowOf<typeof baselines>[] = [];
  private readonly versions: RowOf<typeof modelVersions>[] = [];
  private readonly stages: RowOf<typeof modelStages>[] = [];

  take(record: ProjectedRecord): void {
    // Of an erased record nothing is left that could be said here.
    if (record.payload === null) return;
    const { id, stream, actor, seq: since_seq, hash, sealed_at } = record;
    const named = stream.slice(stream.indexOf('/') + 1);
    const sealed = { since_seq, hash, sealed_at };
    switch (record.type) {
      case 'run.gates-evaluated': {
        const document = JSON.stringify(record.payload);
        this.verdicts.push({ ...sealed, verdict: id, run: named, overall: record.payload.overall, document });
        return;
      }
      case 'run.warnings-accepted': {
        const { verdict, verdict_hash, reason } = record.payload;
        const decision = { decision: id, verdict, verdict_hash, since_seq, sealed_at, actor, reason };
        this.decisions.push({ ...decision, kind: 'acceptance', gate: null, expires_at: null });
        return;
      }
      case 'run.gate-overridden': {
        const { verdict, verdict_hash, reason, gate, expires_at } = record.payload;
        const decision = { decision: id, verdict, verdict_hash, since_seq, sealed_at, actor, reason };
        this.decisions.push({ ...decision, kind: 'override', gate, expires_at });
        return;
      }
      case 'policy.published': {
        const { version, hash: policy_hash, source, normalised, reason } = record.payload;
        this.policies.push({ ...sealed, policy: named, actor, version, policy_hash, source, normalised, reason });
        return;
      }
      case 'policy.baseline-set':
        this.baselines.push({ ...sealed, model: named, actor, document: JSON.stringify(record.payload) });
        return;
      case 'model.version-registered': {
        const { version, run } = record.payload;
        this.versions.push({ ...sealed, model: named, version, run });
        return;
      }
      case 'model.stage-changed': {
        const { version, to } = record.payload;
        this.stages.push({ ...sealed, model: named, version, stage: to });
        return;
      }
      default:
        return;
    }
  }

  async write(connection: Connection): Promise<void> {
    await insertNewRows(connection, verdicts, this.verdicts);
    await insertNewRows(connection, verdictDecisions, this.decisions);
    await insertNewRows(connection, policies, this.policies);
    await insertNewRows(connection, baselines, this.baselines);
    await insertNewRows(connection, modelVersions, this.versions);
    await insertNewRows(connection, modelStages, this.stages);
    await endEarlier(
      connection,
      'verdicts',
      this.verdicts.map(({ run }) => run),
    );
    await endEarlier(
      connection,
      'policies',
      this.policies.map(({ policy }) => policy),
    );
    await endEarlier(
      connection,
      'baselines',
      this.baselines.map(({ model }) => model),
    );
    await endEarlier(
      connection,
      'model_stages',
      this.stages.map(({ model }) => model),
    );
  }
}

/** What holds until the next of its kind: by which column a row is looked up, and which ones it shares with the next. */
const HOLDS = {
  verdicts: { by: 'run', type: 'uuid', shared: 'run' },
  policies: { by: 'policy', type: 'text', shared: 'policy' },
  baselines: { by: 'model', type: 'text', shared: 'model' },
  model_stages: { by: 'model', type: 'text', shared: 'model, version' },
} as const;

/** Every earlier row ends where the one after it begins. */
async function endEarlier(
  connection: Connection,
  table: keyof typeof HOLDS,
  keys: readonly (string | null)[],
): Promise<void> {
  if (keys.length === 0) return;
  const { by, type, shared } = HOLDS[table];
  await connection.query({
    name: `end-${table}`,
    text: `
update ${table} as ending
set until_seq = later.next_seq
from (
  select t.ctid, lead(t.since_seq) over (partition by ${shared} order by t.since_seq) as next_seq
  from ${table} t
  where t.${by} = any ($1::${type}[])
) as later
where ending.ctid = later.ctid and later.next_seq is distinct from ending.until_seq`,
    values: [[...new Set(keys)]],
  });
}
