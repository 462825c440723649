-- A run as its events tell it, folded by the rules; read and written whole.
create table run_documents (
  run uuid primary key,
  document text collate "C" not null
);

-- The same for lists. Indexed are columns that rarely change, so that most updates touch no index.
create table runs (
  run uuid primary key,
  name text collate "C",
  experiment text collate "C",
  model text collate "C",
  state text collate "C" not null,
  started_at text collate "C",
  started_ms bigint,
  ended_at text collate "C",
  ended_ms bigint,
  duration_seconds float8,
  step float8,
  total_steps bigint,
  final_loss float8,
  eval_loss float8,
  overall text collate "C",
  faults integer not null,
  principal text collate "C" not null,
  first_seq bigint not null,
  newest_seq bigint not null,
  search text collate "C" not null
) with (fillfactor = 70);
create index runs_newest on runs (first_seq);
create index runs_of_experiment on runs (experiment, first_seq);
create index runs_of_model on runs (model, first_seq);
create index runs_in_state on runs (state, first_seq);

-- The metric names of a row, in the order of the row's values. The key is made from the names, so equal rows share it.
create table metric_key_sets (
  key_set uuid primary key,
  keys jsonb not null
);

create table run_key_sets (
  run uuid not null,
  kind text collate "C" not null,
  key_set uuid not null,
  first_seq bigint not null,
  primary key (run, kind, key_set)
);

-- Log rows, kept whole: one line for the rows of one event that have the same kind and names. Arrays of little-endian
-- doubles; `data` holds a column of `rows` of them for each name. NaN: no step, no epoch. Null: no row has an epoch, all n are 0.
create table metric_chunks (
  run uuid not null,
  kind text collate "C" not null,
  seq bigint not null,
  part integer not null,
  attempt uuid not null,
  key_set uuid not null,
  rows integer not null,
  steps bytea not null,
  epochs bytea,
  ns bytea,
  ats text collate "C",
  step_min float8,
  step_max float8,
  data bytea not null,
  primary key (run, kind, seq, part)
) partition by hash (run);
-- Slices of what is compressed could not be read without the rest. Up to a page, lines stay whole, in one place.
alter table metric_chunks alter column data set storage external;
create table metric_chunks_0 partition of metric_chunks for values with (modulus 8, remainder 0) with (toast_tuple_target = 8160);
create table metric_chunks_1 partition of metric_chunks for values with (modulus 8, remainder 1) with (toast_tuple_target = 8160);
create table metric_chunks_2 partition of metric_chunks for values with (modulus 8, remainder 2) with (toast_tuple_target = 8160);
create table metric_chunks_3 partition of metric_chunks for values with (modulus 8, remainder 3) with (toast_tuple_target = 8160);
create table metric_chunks_4 partition of metric_chunks for values with (modulus 8, remainder 4) with (toast_tuple_target = 8160);
create table metric_chunks_5 partition of metric_chunks for values with (modulus 8, remainder 5) with (toast_tuple_target = 8160);
create table metric_chunks_6 partition of metric_chunks for values with (modulus 8, remainder 6) with (toast_tuple_target = 8160);
create table metric_chunks_7 partition of metric_chunks for values with (modulus 8, remainder 7) with (toast_tuple_target = 8160);

-- Which machine and GPUs samples tell of, as JSON: what their columns are. The key is made from the text.
create table resource_layouts (
  layout uuid primary key,
  document text collate "C" not null
);

-- Samples of a machine: one line for those of one event with the same layout. Arrays of little-endian doubles; `times` are
-- milliseconds since 1970, `data` holds a column of `samples` of them for each metric of the machine, then of each GPU. NaN: a gap.
create table resource_chunks (
  run uuid not null,
  seq bigint not null,
  part integer not null,
  attempt uuid not null,
  layout uuid not null,
  samples integer not null,
  times bytea not null,
  data bytea not null,
  primary key (run, seq, part)
);

-- Pieces of what a run printed, by the digest of their text.
create table log_chunks (
  run uuid not null,
  seq bigint not null,
  attempt uuid,
  source text collate "C" not null,
  chunk bigint not null,
  digest text collate "C" not null,
  size_bytes bigint not null,
  lines bigint not null,
  masked bigint not null,
  location text collate "C",
  at text collate "C",
  primary key (run, seq)
);

-- Verdicts hold until the next one on the run.
create table verdicts (
  verdict uuid primary key,
  run uuid not null,
  since_seq bigint not null,
  until_seq bigint,
  overall text collate "C" not null,
  document text collate "C" not null
);
create index verdicts_of_run on verdicts (run, since_seq);

-- What people decided about a verdict: accepted its warnings, overrode a gate.
create table verdict_decisions (
  decision uuid primary key,
  verdict uuid not null,
  run uuid not null,
  since_seq bigint not null,
  until_seq bigint,
  kind text collate "C" not null,
  gate text collate "C",
  actor text collate "C" not null,
  reason text collate "C" not null,
  expires_at text collate "C"
);
create index verdict_decisions_of_run on verdict_decisions (run, since_seq);

create table model_versions (
  model text collate "C" not null,
  version bigint not null,
  run uuid not null,
  artifact uuid,
  since_seq bigint not null,
  primary key (model, version)
);
create index model_versions_of_run on model_versions (run);
create index model_versions_of_artifact on model_versions (artifact);

create table model_stages (
  model text collate "C" not null,
  version bigint not null,
  since_seq bigint not null,
  until_seq bigint,
  stage text collate "C" not null,
  primary key (model, version, since_seq)
);

create table model_approvals (
  approval uuid primary key,
  model text collate "C" not null,
  version bigint not null,
  since_seq bigint not null,
  is_given boolean not null,
  actor text collate "C" not null
);
create index model_approvals_of_version on model_approvals (model, version, since_seq);

-- The graph. A node's key is made from its id, so no look-up is needed to make an edge.
create table nodes (
  node uuid primary key,
  id text collate "C" not null,
  kind text collate "C" not null,
  first_seq bigint not null
);

create table aliases (
  alias text collate "C" not null,
  node uuid not null,
  since_seq bigint not null,
  primary key (alias, node)
);
create index aliases_of_node on aliases (node);

create table edges (
  from_node uuid not null,
  to_node uuid not null,
  kind text collate "C" not null,
  class text collate "C" not null,
  since_seq bigint not null,
  until_seq bigint,
  primary key (from_node, class, to_node, kind, since_seq) include (until_seq)
);
create index edges_up on edges (to_node, class, from_node, kind, since_seq) include (until_seq);

-- Each place at which content was seen, and as what.
create table sightings (
  node uuid not null,
  seq bigint not null,
  place integer not null,
  source text collate "C" not null,
  kind text collate "C",
  name text collate "C",
  location text collate "C",
  form text collate "C",
  size_bytes bigint,
  run uuid,
  primary key (node, seq, place)
);
create index sightings_of_run on sightings (run, seq) where source = 'registered';

-- What somebody who read a content says it is like; the newest counts.
create table assessments (
  node uuid not null,
  seq bigint not null,
  run uuid,
  actor text collate "C" not null,
  document text collate "C" not null,
  primary key (node, seq)
);
create index assessments_of_run on assessments (run, seq);

create table folder_files (
  folder uuid not null,
  file uuid not null,
  path text collate "C" not null,
  digest text collate "C" not null,
  size_bytes bigint,
  since_seq bigint not null,
  primary key (folder, path, file)
);
create index folder_files_of_file on folder_files (file, folder);
