// The tables of lineage-v1.sql as rows are written to them.
import { defineTable, type RowOf } from '@runseal/projections';

export const runDocuments = defineTable('run_documents', { run: 'uuid', document: 'text' }, ['run']);

export const runs = defineTable(
  'runs',
  {
    run: 'uuid',
    name: 'text',
    experiment: 'text',
    model: 'text',
    state: 'text',
    started_at: 'text',
    started_ms: 'int8',
    ended_at: 'text',
    ended_ms: 'int8',
    duration_seconds: 'float8',
    step: 'float8',
    total_steps: 'int8',
    final_loss: 'float8',
    eval_loss: 'float8',
    overall: 'text',
    faults: 'int4',
    principal: 'text',
    first_seq: 'int8',
    newest_seq: 'int8',
    search: 'text',
  },
  ['run'],
);
export type RunRow = RowOf<typeof runs>;

export const metricKeySets = defineTable('metric_key_sets', { key_set: 'uuid', keys: 'jsonb' }, ['key_set']);

export const runKeySets = defineTable(
  'run_key_sets',
  { run: 'uuid', kind: 'text', key_set: 'uuid', first_seq: 'int8' },
  ['run', 'kind', 'key_set'],
);

export const metricChunks = defineTable(
  'metric_chunks',
  {
    run: 'uuid',
    kind: 'text',
    seq: 'int8',
    part: 'int4',
    attempt: 'uuid',
    key_set: 'uuid',
    rows: 'int4',
    steps: 'bytea',
    epochs: 'bytea',
    ns: 'bytea',
    ats: 'text',
    step_min: 'float8',
    step_max: 'float8',
    data: 'bytea',
  },
  ['run', 'kind', 'seq', 'part'],
);

export const resourceLayouts = defineTable('resource_layouts', { layout: 'uuid', document: 'text' }, ['layout']);

export const resourceChunks = defineTable(
  'resource_chunks',
  {
    run: 'uuid',
    seq: 'int8',
    part: 'int4',
    attempt: 'uuid',
    layout: 'uuid',
    samples: 'int4',
    times: 'bytea',
    data: 'bytea',
  },
  ['run', 'seq', 'part'],
);

export const logChunks = defineTable(
  'log_chunks',
  {
    run: 'uuid',
    seq: 'int8',
    attempt: 'uuid',
    source: 'text',
    chunk: 'int8',
    digest: 'text',
    size_bytes: 'int8',
    lines: 'int8',
    masked: 'int8',
    location: 'text',
    at: 'text',
  },
  ['run', 'seq'],
);

export const verdicts = defineTable(
  'verdicts',
  { verdict: 'uuid', run: 'uuid', since_seq: 'int8', until_seq: 'int8', overall: 'text', document: 'text' },
  ['verdict'],
);

export const verdictDecisions = defineTable(
  'verdict_decisions',
  {
    decision: 'uuid',
    verdict: 'uuid',
    run: 'uuid',
    since_seq: 'int8',
    until_seq: 'int8',
    kind: 'text',
    gate: 'text',
    actor: 'text',
    reason: 'text',
    expires_at: 'text',
  },
  ['decision'],
);

export const modelVersions = defineTable(
  'model_versions',
  { model: 'text', version: 'int8', run: 'uuid', artifact: 'uuid', since_seq: 'int8' },
  ['model', 'version'],
);

export const modelStages = defineTable(
  'model_stages',
  { model: 'text', version: 'int8', since_seq: 'int8', until_seq: 'int8', stage: 'text' },
  ['model', 'version', 'since_seq'],
);

export const modelApprovals = defineTable(
  'model_approvals',
  { approval: 'uuid', model: 'text', version: 'int8', since_seq: 'int8', is_given: 'bool', actor: 'text' },
  ['approval'],
);

export const nodes = defineTable('nodes', { node: 'uuid', id: 'text', kind: 'text', first_seq: 'int8' }, ['node']);

export const aliases = defineTable('aliases', { alias: 'text', node: 'uuid', since_seq: 'int8' }, ['alias', 'node']);

export const edges = defineTable(
  'edges',
  { from_node: 'uuid', to_node: 'uuid', kind: 'text', class: 'text', since_seq: 'int8', until_seq: 'int8' },
  ['from_node', 'class', 'to_node', 'kind', 'since_seq'],
);

export const sightings = defineTable(
  'sightings',
  {
    node: 'uuid',
    seq: 'int8',
    place: 'int4',
    source: 'text',
    kind: 'text',
    name: 'text',
    location: 'text',
    form: 'text',
    size_bytes: 'int8',
    run: 'uuid',
  },
  ['node', 'seq', 'place'],
);

export const assessments = defineTable(
  'assessments',
  { node: 'uuid', seq: 'int8', run: 'uuid', actor: 'text', document: 'text' },
  ['node', 'seq'],
);

export const folderFiles = defineTable(
  'folder_files',
  { folder: 'uuid', file: 'uuid', path: 'text', digest: 'text', size_bytes: 'int8', since_seq: 'int8' },
  ['folder', 'path', 'file'],
);
