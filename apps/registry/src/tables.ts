// The tables of registry-v1.sql as rows are written to them.
import { defineTable } from '@runseal/projections';

export const models = defineTable(
  'models',
  { model: 'text', first_seq: 'int8', newest_seq: 'int8', versions: 'int8' },
  ['model'],
);

export const versions = defineTable(
  'versions',
  { model: 'text', version: 'int8', run: 'uuid', stage: 'text', registered_seq: 'int8', document: 'text' },
  ['model', 'version'],
);

export const stages = defineTable(
  'stages',
  { model: 'text', version: 'int8', since_seq: 'int8', until_seq: 'int8', stage: 'text' },
  ['model', 'version', 'since_seq'],
);

export const runs = defineTable('runs', { run: 'uuid', document: 'text' }, ['run']);

export const runArtifacts = defineTable('run_artifacts', { run: 'uuid', seq: 'int8' }, ['run', 'seq']);

export const artifacts = defineTable('artifacts', { digest: 'text', since_seq: 'int8' }, ['digest']);

export const admittingPolicies = defineTable('admitting_policies', { hash: 'text', since_seq: 'int8' }, ['hash']);

export const dues = defineTable(
  'dues',
  { run: 'uuid', model: 'text', kind: 'text', trigger_seq: 'int8', trigger_hash: 'text', trigger_at: 'text' },
  ['run'],
);
