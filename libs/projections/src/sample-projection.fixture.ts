import type { Connection } from '@runseal/postgres';
import type { ProjectedRecord, Projection } from './projection.js';
import { defineTable, insertNewRows, type RowOf } from './rows.js';

const metricRows = defineTable(
  'metric_rows',
  {
    run: 'uuid',
    kind: 'text',
    step: 'float8',
    n: 'int4',
    seq: 'int8',
    loss: 'float8',
    row: 'jsonb',
    is_eval: 'bool',
  },
  ['run', 'kind', 'step', 'n'],
);
const runs = defineTable(
  'runs',
  {
    run: 'uuid',
    state: 'text',
    records: 'int4',
    first_hash: 'bytea',
    last_sealed_at: 'timestamptz',
  },
  ['run'],
);

/** Runs with their state, and their rows of metrics; stops after every run that ends, as a service does that decides then. */
export const sampleProjection: Projection = {
  service: 'sample',
  version: 1,
  ddl: new URL('./sample-projection.fixture.sql', import.meta.url),
  async apply(records, connection) {
    const ending = records.findIndex(({ type }) => type === 'run.finished');
    const taken = ending < 0 ? records : records.slice(0, ending + 1);
    await project(taken, connection);
    return taken.length;
  },
};

async function project(records: readonly ProjectedRecord[], connection: Connection): Promise<void> {
  const ofRuns = records.filter(({ stream }) => stream.startsWith('run/'));
  const runOf = ({ stream }: ProjectedRecord) => stream.slice('run/'.length);
  await insertNewRows(
    connection,
    runs,
    ofRuns.map((record) => ({
      run: runOf(record),
      state: 'running',
      records: 0,
      first_hash: Buffer.from(record.hash, 'hex'),
      last_sealed_at: record.sealed_at,
    })),
  );
  await insertNewRows(connection, metricRows, ofRuns.flatMap(rowsOf));
  await connection.query(
    `update runs
     set records = runs.records + new.records, last_sealed_at = new.sealed_at,
       experiment = coalesce(new.experiment, runs.experiment),
       state = case when new.is_finished then 'finished' else runs.state end
     from (
       select r.run, count(*) as records, max(r.sealed_at) as sealed_at, bool_or(r.type = 'run.finished') as is_finished,
         (array_agg(r.experiment order by r.seq desc) filter (where r.experiment is not null))[1] as experiment
       from json_to_recordset($1) as r (run uuid, seq bigint, type text, sealed_at timestamptz, experiment text)
       group by r.run
     ) as new
     where new.run = runs.run`,
    [
      JSON.stringify(
        ofRuns.map((record) => ({
          run: runOf(record),
          seq: record.seq,
          type: record.type,
          sealed_at: record.sealed_at,
          experiment: record.type === 'run.started' ? record.payload?.experiment : null,
        })),
      ),
    ],
  );
}

function rowsOf(record: ProjectedRecord): RowOf<typeof metricRows>[] {
  if (record.type !== 'run.metrics-logged' || record.payload === null) return [];
  return record.payload.rows.map((row) => ({
    run: record.stream.slice('run/'.length),
    kind: row.kind,
    step: row.step ?? -1,
    n: row.n,
    seq: record.seq,
    loss: row.values['loss'] === undefined ? null : Number(row.values['loss']),
    row: JSON.stringify(row),
    is_eval: row.kind === 'eval',
  }));
}
