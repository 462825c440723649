import { defineTable } from '@runseal/projections';

export const runDocuments = defineTable('run_documents', { run: 'uuid', document: 'text' }, ['run']);

export const runs = defineTable(
  'runs',
  {
    run: 'uuid',
    model: 'text',
    state: 'text',
    principal: 'text',
    attempt: 'uuid',
    attempt_hash: 'text',
    newest_seq: 'int8',
    input_seq: 'int8',
    input_hash: 'text',
    input_at: 'text',
    trigger_seq: 'int8',
  },
  ['run'],
);

export const metricRows = defineTable(
  'metric_rows',
  {
    run: 'uuid',
    seq: 'int8',
    place: 'int4',
    attempt: 'uuid',
    kind: 'text',
    step: 'float8',
    n: 'int8',
    loss: 'float8',
    grad_norm: 'float8',
    eval_loss: 'float8',
    others: 'text',
  },
  ['run', 'seq', 'place'],
);

export const artifacts = defineTable('artifacts', { digest: 'text', seq: 'int8' }, ['digest']);

export const runDigests = defineTable('run_digests', { digest: 'text', run: 'uuid' }, ['digest', 'run']);

export const verdicts = defineTable(
  'verdicts',
  {
    verdict: 'uuid',
    run: 'uuid',
    since_seq: 'int8',
    hash: 'text',
    sealed_at: 'text',
    overall: 'text',
    document: 'text',
  },
  ['verdict'],
);

export const verdictDecisions = defineTable(
  'verdict_decisions',
  {
    decision: 'uuid',
    verdict: 'uuid',
    verdict_hash: 'text',
    since_seq: 'int8',
    sealed_at: 'text',
    kind: 'text',
    gate: 'text',
    actor: 'text',
    reason: 'text',
    expires_at: 'text',
  },
  ['decision'],
);

export const policies = defineTable(
  'policies',
  {
    policy: 'text',
    since_seq: 'int8',
    hash: 'text',
    sealed_at: 'text',
    actor: 'text',
    version: 'int8',
    policy_hash: 'text',
    source: 'text',
    normalised: 'text',
    reason: 'text',
  },
  ['policy', 'since_seq'],
);

export const baselines = defineTable(
  'baselines',
  { model: 'text', since_seq: 'int8', hash: 'text', sealed_at: 'text', actor: 'text', document: 'text' },
  ['model', 'since_seq'],
);

export const modelVersions = defineTable(
  'model_versions',
  { model: 'text', version: 'int8', run: 'uuid', since_seq: 'int8', hash: 'text', sealed_at: 'text' },
  ['model', 'version'],
);

export const modelStages = defineTable(
  'model_stages',
  { model: 'text', version: 'int8', since_seq: 'int8', stage: 'text', hash: 'text', sealed_at: 'text' },
  ['model', 'version', 'since_seq'],
);
