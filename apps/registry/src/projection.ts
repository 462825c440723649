import type { Connection } from '@runseal/postgres';
import { insertNewRows, upsertRows, type ProjectedRecord, type Projection, type RowOf } from '@runseal/projections';
import { evolveRun, modelNameOf, newRunFacts, runOfEvent, type RunEvent, type RunFacts } from '@runseal/rules';
import { admitsOverridden } from './admitting-policy.js';
import { dueForRun, dueForVersion, type DueKind } from './deciding/due.js';
import { evolveVersion, versionOf } from './deciding/evolve-version.js';
import { stageOf, type VersionState } from './deciding/version-state.js';
import { admittingPolicies, artifacts, dues, models, runArtifacts, runs, stages, versions } from './tables.js';

/** Versions, their stages and the facts of their runs, and what the registry has to seal by itself, folded from the ledger. */
export const registryProjection: Projection = {
  service: 'registry',
  version: 1,
  ddl: new URL('../registry-v1.sql', import.meta.url),
  apply: async (records, connection) => {
    const batch = await Batch.load(records, connection);
    let taken = 0;
    for (const record of records) {
      taken += 1;
      // What became due is decided on the state as of exactly this record.
      if (batch.take(record)) break;
    }
    await batch.write(connection);
    return taken;
  },
};

type Mutable<Row> = { -readonly [Name in keyof Row]: Row[Name] };
type ModelRow = Mutable<RowOf<typeof models>>;
type DueRow = RowOf<typeof dues>;

/** The state that the records of one batch touch, as they find and as they leave it. */
class Batch {
  private readonly facts = new Map<string, RunFacts>();
  private readonly byKey = new Map<string, VersionState>();
  /** The run's version: the first that was registered. */
  private readonly byRun = new Map<string, VersionState>();
  private readonly models = new Map<string, ModelRow>();
  private readonly dues = new Map<string, DueRow | null>();
  private readonly admitting = new Set<string>();
  private readonly changed = { runs: new Set<string>(), versions: new Set<string>(), dues: new Set<string>() };
  private readonly stages: RowOf<typeof stages>[] = [];
  private readonly runArtifacts: RowOf<typeof runArtifacts>[] = [];
  private readonly artifacts: RowOf<typeof artifacts>[] = [];
  private readonly policies: RowOf<typeof admittingPolicies>[] = [];

  static async load(records: readonly ProjectedRecord[], connection: Connection): Promise<Batch> {
    const batch = new Batch();
    const runIds = new Set(records.flatMap((record) => runOfRecord(record) ?? []));
    const ofModels = records.filter(({ stream }) => stream.startsWith('model/'));
    const keys = ofModels.flatMap((record) => {
      const version = versionOf(record as RunEvent);
      return version === null ? [] : [{ model: modelOf(record), version }];
    });
    if (runIds.size === 0 && ofModels.length === 0) return batch;
    await batch.loadVersions(connection, [...runIds], keys);
    for (const { run } of batch.byKey.values()) runIds.add(run);
    await batch.loadRest(connection, [...runIds], [...new Set(ofModels.map(modelOf))]);
    return batch;
  }

  /** Folds one record. True where it made something due. */
  take(record: ProjectedRecord): boolean {
    if (record.type === 'policy.published') this.takePolicy(record);
    if (record.type === 'artifact.registered') this.takeArtifact(record);
    if (record.type === 'artifact.assessed') this.takeOfRun(record);
    if (record.stream.startsWith('model/')) return this.takeModelRecord(record);
    const run = runOfEvent(record as Pick<RunEvent, 'stream' | 'type' | 'payload'>);
    if (run === null) return false;
    this.facts.set(run, evolveRun(this.facts.get(run) ?? newRunFacts(), record as RunEvent));
    this.changed.runs.add(run);
    // Rows of metrics change nothing that anything here waits for, and most records are such rows.
    return record.type !== 'run.metrics-logged' && this.findDue(run, record);
  }

  async write(connection: Connection): Promise<void> {
    const changed = [...this.changed.versions].map((key) => this.byKey.get(key) as VersionState);
    await upsertRows(
      connection,
      runs,
      [...this.changed.runs].map((run) => this.runRow(run)),
    );
    await upsertRows(connection, models, [...this.models.values()]);
    await upsertRows(connection, versions, changed.map(rowOfVersion));
    await upsertRows(connection, stages, this.stages);
    await insertNewRows(connection, runArtifacts, this.runArtifacts);
    await insertNewRows(connection, artifacts, this.artifacts);
    await insertNewRows(connection, admittingPolicies, this.policies);
    const dueRows = [...this.changed.dues].map((run) => [run, this.dues.get(run) ?? null] as const);
    const gone = dueRows.filter(([, due]) => due === null).map(([run]) => run);
    if (gone.length > 0) await connection.query('delete from dues where run = any ($1::uuid[])', [gone]);
    await upsertRows(
      connection,
      dues,
      dueRows.flatMap(([, due]) => due ?? []),
    );
  }

  private takeModelRecord(record: ProjectedRecord): boolean {
    const model = modelOf(record);
    const before = this.models.get(model) ?? { model, first_seq: record.seq, newest_seq: record.seq, versions: 0 };
    const number = versionOf(record as RunEvent);
    const isNew = record.type === 'model.version-registered' && number !== null && number > (before.versions ?? 0);
    this.models.set(model, { ...before, newest_seq: record.seq, versions: isNew ? number : before.versions });
    if (number === null) return false;
    const key = keyOf(model, number);
    const known = this.byKey.get(key) ?? null;
    const version = evolveVersion(known, record as RunEvent);
    if (!version || version === known) return false;
    this.byKey.set(key, version);
    this.changed.versions.add(key);
    const ofRun = this.byRun.get(version.run);
    if (!ofRun || (ofRun.model === model && ofRun.version === number)) this.byRun.set(version.run, version);
    if (version.stages !== known?.stages) this.addStages(version);
    return this.findDue(version.run, record);
  }

  /** The newest stage and the one that it ended. */
  private addStages({ model, version, stages: entries }: VersionState): void {
    for (const { stage, since_seq, until_seq } of entries.slice(-2)) {
      this.stages.push({ model, version, since_seq, until_seq, stage });
    }
  }

  private takePolicy({ seq, payload }: ProjectedRecord<'policy.published'>): void {
    if (!payload || !admitsOverridden(payload.normalised)) return;
    this.admitting.add(payload.hash);
    this.policies.push({ hash: payload.hash, since_seq: seq });
  }

  private takeArtifact({ seq, stream, payload }: ProjectedRecord<'artifact.registered'>): void {
    const digests = [stream.slice('artifact/'.length), ...(payload?.files ?? []).flatMap(({ digest }) => digest ?? [])];
    for (const digest of new Set(digests)) this.artifacts.push({ digest, since_seq: seq });
    this.takeOfRun({ seq, payload });
  }

  /** What was registered or assessed in the course of a run is folded with it. */
  private takeOfRun({
    seq,
    payload,
  }: Pick<ProjectedRecord<'artifact.registered' | 'artifact.assessed'>, 'seq' | 'payload'>): void {
    if (payload?.run) this.runArtifacts.push({ run: payload.run, seq });
  }

  /** Looks at what is due for a run and its version after a record. True where that is something new. */
  private findDue(run: string, { seq, hash, sealed_at }: ProjectedRecord): boolean {
    const known = this.dues.get(run) ?? null;
    const kind = this.dueKind(run);
    if (kind === (known?.kind ?? null)) return false;
    this.changed.dues.add(run);
    const trigger = { trigger_seq: seq, trigger_hash: hash, trigger_at: sealed_at };
    this.dues.set(run, kind && { run, model: this.modelOfRun(run), kind, ...trigger });
    return kind !== null;
  }

  private dueKind(run: string): DueKind | null {
    const facts = this.facts.get(run);
    if (!facts) return null;
    const version = this.byRun.get(run);
    if (!version) return dueForRun(facts);
    const hash = facts.verdict?.policy.hash;
    return dueForVersion({ version, facts, admitsOverridden: hash !== undefined && this.admitting.has(hash) });
  }

  private modelOfRun(run: string): string | null {
    const facts = this.facts.get(run);
    return this.byRun.get(run)?.model ?? (facts ? modelNameOf(facts) : null);
  }

  private runRow(run: string): RowOf<typeof runs> {
    return { run, document: JSON.stringify(this.facts.get(run)) };
  }

  private async loadVersions(
    connection: Connection,
    runIds: readonly string[],
    keys: readonly { model: string; version: number }[],
  ): Promise<void> {
    const result = await connection.query<{ document: string }>({
      name: 'load-versions',
      text: `
select v.document
from versions v
where v.run = any ($1::uuid[])
  or v.run in (
    select w.run
    from unnest($2::text[], $3::bigint[]) as k (model, version)
    join versions w on w.model = k.model and w.version = k.version
  )
order by v.registered_seq`,
      values: [runIds, keys.map(({ model }) => model), keys.map(({ version }) => version)],
    });
    for (const { document } of result.rows) {
      const version = JSON.parse(document) as VersionState;
      this.byKey.set(keyOf(version.model, version.version), version);
      if (!this.byRun.has(version.run)) this.byRun.set(version.run, version);
    }
  }

  private async loadRest(
    connection: Connection,
    runIds: readonly string[],
    modelNames: readonly string[],
  ): Promise<void> {
    const documents = await connection.query<{ run: string; document: string }>({
      name: 'load-runs',
      text: 'select r.run, r.document from runs r where r.run = any ($1::uuid[])',
      values: [runIds],
    });
    for (const { run, document } of documents.rows) this.facts.set(run, JSON.parse(document) as RunFacts);
    const rows = await connection.query<ModelRow>({
      name: 'load-models',
      text: 'select m.model, m.first_seq, m.newest_seq, m.versions from models m where m.model = any ($1::text[])',
      values: [modelNames],
    });
    for (const row of rows.rows) this.models.set(row.model as string, row);
    const due = await connection.query<DueRow>({
      name: 'load-dues',
      text: `
select d.run, d.model, d.kind, d.trigger_seq, d.trigger_hash, d.trigger_at
from dues d
where d.run = any ($1::uuid[])`,
      values: [runIds],
    });
    for (const row of due.rows) this.dues.set(row.run as string, row);
    const policies = await connection.query<{ hash: string }>('select p.hash from admitting_policies p');
    for (const { hash } of policies.rows) this.admitting.add(hash);
  }
}

/** The run that a record is about, or whose version it registers. */
function runOfRecord(record: ProjectedRecord): string | null {
  if (record.type === 'model.version-registered') return record.payload?.run ?? null;
  return runOfEvent(record as Pick<RunEvent, 'stream' | 'type' | 'payload'>);
}

const modelOf = ({ stream }: Pick<ProjectedRecord, 'stream'>): string => stream.slice('model/'.length);
const keyOf = (model: string, version: number): string => `${version} ${model}`;

const rowOfVersion = (state: VersionState): RowOf<typeof versions> => ({
  model: state.model,
  version: state.version,
  run: state.run,
  stage: stageOf(state),
  registered_seq: state.registered.seq,
  document: JSON.stringify(state),
});
