import type { Connection } from '@runseal/postgres';
import {
  insertNewRows,
  insertRows,
  upsertRows,
  type ProjectedRecord,
  type Projection,
  type RowOf,
} from '@runseal/projections';
import { countMissingEvents, evolveRun, newRunFacts, runOfEvent, type RunEvent, type RunFacts } from '@runseal/rules';
import { digestsOfArtifact, digestsOfFacts, findArtifactEffects, type ArtifactEffects } from './artifacts.js';
import { JudgementBatch } from './judgement-batch.js';
import { isInputType, isSeenBeside, newRunRow, runRowAfter, type RunRow } from './run-row.js';
import { rowsOfRecord } from './project-rows.js';
import { artifacts, metricRows, runDigests, runDocuments, runs } from './tables.js';

/**
 * What runs are judged by, verdicts, policies and baselines, folded from the ledger. A batch ends right after a record at which a
 * run must be judged: it is judged on the tables as of exactly that record, before anything later is read.
 */
export const gatesProjection: Projection = {
  service: 'gates',
  version: 1,
  ddl: new URL('../../gates-v1.sql', import.meta.url),
  apply: async (records, connection) => {
    const batch = new Batch(await loadRuns(connection, records), await findArtifactEffects(connection, records));
    let taken = 0;
    for (const record of records) {
      taken += 1;
      if (batch.take(record)) break;
    }
    await batch.write(connection);
    return taken;
  },
};

interface KnownRun {
  readonly facts: RunFacts;
  readonly row: RunRow | null;
}

class Batch {
  private readonly judgements = new JudgementBatch();
  private readonly changed = new Set<string>();
  private readonly judged = new Set<string>();
  private readonly rows: RowOf<typeof metricRows>[] = [];
  private readonly artifacts: RowOf<typeof artifacts>[] = [];

  constructor(
    private readonly known: Map<string, KnownRun>,
    private readonly effects: ArtifactEffects,
  ) {}

  /** Folds one record. True where runs must be judged at it. */
  take(record: ProjectedRecord): boolean {
    this.judgements.take(record);
    const own = runOfEvent(record as RunEvent);
    const touched = own === null ? [] : this.takeRunRecord(own, record);
    const resolved = record.type === 'artifact.registered' ? this.takeArtifact(record) : [];
    const runsToJudge = new Set([...touched, ...resolved]);
    for (const run of runsToJudge) {
      this.judged.add(run);
      this.change(run, ({ facts, row }) => ({ facts, row: row && { ...row, trigger_seq: record.seq } }));
    }
    return runsToJudge.size > 0;
  }

  async write(connection: Connection): Promise<void> {
    const changed = [...this.changed].map((run) => [run, this.known.get(run) as KnownRun] as const);
    await upsertRows(
      connection,
      runDocuments,
      changed.map(([run, { facts }]) => ({ run, document: JSON.stringify(facts) })),
    );
    await upsertRows(
      connection,
      runs,
      changed.flatMap(([, { row }]) => row ?? []),
    );
    await insertRows(connection, metricRows, this.rows);
    await insertNewRows(connection, artifacts, this.artifacts);
    await this.writeDigests(connection);
    await this.judgements.write(connection);
  }

  private takeRunRecord(run: string, record: ProjectedRecord): string[] {
    let isInput = isInputType(record.type);
    this.change(run, ({ facts, row }) => {
      const after = evolveRun(facts, record as RunEvent);
      if (isSeenBeside(record.type)) isInput = countMissingEvents(after) !== countMissingEvents(facts);
      return { facts: after, row: runRowAfter(row ?? newRunRow(run, record), after, { record, isInput }) };
    });
    if (record.type === 'run.metrics-logged') this.rows.push(...rowsOfRecord(record));
    return isInput && this.known.get(run)?.facts.state !== 'running' ? [run] : [];
  }

  /** A digest that an ended run's record names was unknown until now: that run is judged by it. */
  private takeArtifact(record: ProjectedRecord & { readonly type: 'artifact.registered' }): string[] {
    const fresh = digestsOfArtifact(record).filter((digest) => this.effects.isUnknown(digest));
    this.artifacts.push(...fresh.map((digest) => ({ digest, seq: record.seq })));
    const waiting = new Set(fresh.flatMap((digest) => this.effects.runsWaitingFor(digest)));
    for (const digest of fresh) this.effects.know(digest);
    const ended = [...waiting].filter((run) => this.known.get(run)?.facts.state !== 'running');
    for (const run of ended) {
      this.change(run, ({ facts, row }) => ({
        facts,
        row: row && { ...row, input_seq: record.seq, input_hash: record.hash, input_at: record.sealed_at },
      }));
    }
    return ended;
  }

  private change(run: string, to: (known: KnownRun) => KnownRun): void {
    this.known.set(run, to(this.known.get(run) ?? { facts: newRunFacts(), row: null }));
    this.changed.add(run);
  }

  private async writeDigests(connection: Connection): Promise<void> {
    const judged = [...this.judged];
    if (judged.length === 0) return;
    await connection.query('delete from run_digests where run = any ($1::uuid[])', [judged]);
    await insertNewRows(
      connection,
      runDigests,
      judged.flatMap((run) =>
        digestsOfFacts((this.known.get(run) as KnownRun).facts).map((digest) => ({ digest, run })),
      ),
    );
  }
}

/** The runs that records speak of, and those that wait for a digest which one of them registers. */
async function loadRuns(connection: Connection, records: readonly ProjectedRecord[]): Promise<Map<string, KnownRun>> {
  const wanted = new Set(records.flatMap((record) => runOfEvent(record as RunEvent) ?? []));
  const digests = records.flatMap((record) => (record.type === 'artifact.registered' ? digestsOfArtifact(record) : []));
  if (wanted.size === 0 && digests.length === 0) return new Map();
  const result = await connection.query<RunRow & { document: string }>({
    name: 'load-runs',
    text: `
select d.document, r.run, r.model, r.state, r.principal, r.attempt, r.attempt_hash, r.newest_seq, r.input_seq, r.input_hash,
  r.input_at, r.trigger_seq
from runs r
join run_documents d on d.run = r.run
where r.run = any ($1::uuid[]) or r.run in (select w.run from run_digests w where w.digest = any ($2::text[]))`,
    values: [[...wanted], digests],
  });
  return new Map(
    result.rows.map(({ document, ...row }) => [row.run, { facts: JSON.parse(document) as RunFacts, row }]),
  );
}
