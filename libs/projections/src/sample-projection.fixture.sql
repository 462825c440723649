create table runs (
  run uuid primary key,
  experiment text,
  state text collate "C" not null,
  records integer not null,
  first_hash bytea not null,
  last_sealed_at timestamptz not null
);

create table metric_rows (
  run uuid not null,
  kind text collate "C" not null,
  step float8 not null,
  n integer not null,
  seq bigint not null,
  loss float8,
  row jsonb not null,
  is_eval boolean not null,
  primary key (run, kind, step, n)
) partition by hash (run);

create table metric_rows_0 partition of metric_rows for values with (modulus 2, remainder 0);
create table metric_rows_1 partition of metric_rows for values with (modulus 2, remainder 1);
create index metric_rows_of_run on metric_rows (run, seq);
