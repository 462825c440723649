-- One row a stream model/<name>. newest_seq is that of its newest record of any kind: what commands rely on.
create table models (
  model text collate "C" primary key,
  first_seq bigint not null,
  newest_seq bigint not null,
  -- The highest version registered; 0: none yet.
  versions bigint not null
);

-- A version and what became of it, folded from its records. Beside the document stands what lists and look-ups need.
create table versions (
  model text collate "C",
  version bigint,
  run uuid not null,
  stage text collate "C" not null,
  registered_seq bigint not null,
  document text collate "C" not null,
  primary key (model, version)
);

create index versions_run on versions (run);

-- A version is at a stage from since_seq on and before until_seq; null: now.
create table stages (
  model text collate "C",
  version bigint,
  since_seq bigint,
  until_seq bigint,
  stage text collate "C" not null,
  primary key (model, version, since_seq)
);

-- What the events of a run say, folded.
create table runs (
  run uuid primary key,
  document text collate "C" not null
);

-- Records of artifacts' streams that belong to a run: they carry counters of its producers.
create table run_artifacts (
  run uuid,
  seq bigint,
  primary key (run, seq)
);

-- Digests that somebody registered, as an artifact or as a file of a registered folder.
create table artifacts (
  digest text collate "C" primary key,
  since_seq bigint not null
);

-- Policies under which a run whose gates were overridden may become a candidate.
create table admitting_policies (
  hash text collate "C" primary key,
  since_seq bigint not null
);

-- What the registry has to seal by itself and has not yet, with the record that made it due. Gone once its outcome is read.
create table dues (
  run uuid primary key,
  model text collate "C" not null,
  kind text collate "C" not null,
  trigger_seq bigint not null,
  trigger_hash text collate "C" not null,
  trigger_at text collate "C" not null
);
