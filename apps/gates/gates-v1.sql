-- A run as its events tell it, folded by the rules; read and written whole.
create table run_documents (
  run uuid primary key,
  document text collate "C" not null
);

-- What is asked of many runs. `input_*`: the newest record that a verdict on it takes in; `trigger_seq`: the newest at which it
-- must be judged, which is decided while the position stands there.
create table runs (
  run uuid primary key,
  model text collate "C",
  state text collate "C" not null,
  principal text collate "C" not null,
  attempt uuid,
  attempt_hash text collate "C",
  newest_seq bigint not null,
  input_seq bigint not null,
  input_hash text collate "C" not null,
  input_at text collate "C" not null,
  trigger_seq bigint
) with (fillfactor = 70);
create index runs_triggered on runs (trigger_seq) where trigger_seq is not null;
create index runs_of_model on runs (model);

-- Log rows, kept whole. `place` counts within the record, so that no row hides another. A step is null in summaries only.
create table metric_rows (
  run uuid not null,
  seq bigint not null,
  place integer not null,
  attempt uuid not null,
  kind text collate "C" not null,
  step float8,
  n bigint not null,
  loss float8,
  grad_norm float8,
  eval_loss float8,
  others text collate "C",
  primary key (run, seq, place)
);

-- Content that somebody registered, as an artifact or as a file of a registered folder; the first record that did.
create table artifacts (
  digest text collate "C" primary key,
  seq bigint not null
);

-- Every digest in the audit record of an ended run: whoever registers one of them changes what the run is judged by.
create table run_digests (
  digest text collate "C" not null,
  run uuid not null,
  primary key (digest, run)
);
create index run_digests_of_run on run_digests (run);

-- Verdicts hold until the next one on the run.
create table verdicts (
  verdict uuid primary key,
  run uuid not null,
  since_seq bigint not null,
  until_seq bigint,
  hash text collate "C" not null,
  sealed_at text collate "C" not null,
  overall text collate "C" not null,
  document text collate "C" not null
);
create index verdicts_of_run on verdicts (run, since_seq);
create index verdicts_passed on verdicts (since_seq) where overall = 'passed' and until_seq is null;

-- What people decided about a verdict: accepted its warnings, overrode a gate.
create table verdict_decisions (
  decision uuid primary key,
  verdict uuid not null,
  verdict_hash text collate "C" not null,
  since_seq bigint not null,
  sealed_at text collate "C" not null,
  kind text collate "C" not null,
  gate text collate "C",
  actor text collate "C" not null,
  reason text collate "C" not null,
  expires_at text collate "C"
);
create index verdict_decisions_of_verdict on verdict_decisions (verdict, since_seq);

-- Policies hold until the next publication on their stream.
create table policies (
  policy text collate "C" not null,
  since_seq bigint not null,
  until_seq bigint,
  hash text collate "C" not null,
  sealed_at text collate "C" not null,
  actor text collate "C" not null,
  version bigint not null,
  policy_hash text collate "C" not null,
  source text collate "C" not null,
  normalised text collate "C" not null,
  reason text collate "C",
  primary key (policy, since_seq)
);

create table baselines (
  model text collate "C" not null,
  since_seq bigint not null,
  until_seq bigint,
  hash text collate "C" not null,
  sealed_at text collate "C" not null,
  actor text collate "C" not null,
  document text collate "C" not null,
  primary key (model, since_seq)
);

-- For gates that compare with a version: which run made it, and which one is in production.
create table model_versions (
  model text collate "C" not null,
  version bigint not null,
  run uuid not null,
  since_seq bigint not null,
  hash text collate "C" not null,
  sealed_at text collate "C" not null,
  primary key (model, version)
);

create table model_stages (
  model text collate "C" not null,
  version bigint not null,
  since_seq bigint not null,
  until_seq bigint,
  stage text collate "C" not null,
  hash text collate "C" not null,
  sealed_at text collate "C" not null,
  primary key (model, version, since_seq)
);
