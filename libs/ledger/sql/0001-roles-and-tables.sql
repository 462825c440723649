-- The roles that log in. A database administrator may have made them before, with passwords; here they get none.
do $$
declare
  role_name text;
begin
  foreach role_name in array array['runseal_ingest', 'runseal_lineage', 'runseal_gates', 'runseal_registry', 'runseal_maintenance',
    'runseal_auditor'] loop
    begin
      if not exists (select from pg_roles where rolname = role_name) then
        execute format('create role %I login noinherit', role_name);
        -- A client that stops inside a transaction must not hold the head of a ledger.
        execute format('alter role %I set idle_in_transaction_session_timeout = ''10s''', role_name);
      end if;
    exception when duplicate_object or unique_violation then
      null; -- another database of the same server made it at the same moment
    end;
  end loop;
end $$;

create schema ledger authorization runseal_owner;
set local role runseal_owner;

-- One row a ledger: its newest record. Locked from the first look until commit by whoever seals, so that the order of
-- seq is the order of commit. Never lowered.
create table ledger.ledgers (
  ledger smallint generated always as identity primary key,
  name text collate "C" not null unique check (name ~ '^[a-z0-9][a-z0-9.-]{0,62}$'),
  epoch integer not null default 0,
  size bigint not null default 0,
  newest_hash bytea not null default decode(repeat('00', 32), 'hex')
) with (fillfactor = 50);

-- event_id, type, stream and epoch repeat what the envelope and the ledger stream say, for the indexes. What is hashed is
-- envelope, as its exact bytes; verify compares the repeated columns with it.
create table ledger.records (
  ledger smallint not null,
  seq bigint not null,
  epoch integer not null,
  event_id uuid not null,
  type text collate "C" not null,
  stream text collate "C" not null,
  stream_prev bigint,
  prev_hash bytea not null,
  payload_digest bytea not null,
  hash bytea not null,
  envelope bytea not null,
  primary key (ledger, seq),
  unique (ledger, event_id)
);

create index records_stream on ledger.records (ledger, stream, seq);

-- Apart from the record, because a payload may be pruned (the row keeps its salt) or erased (the salt goes too).
create table ledger.payloads (
  ledger smallint not null,
  seq bigint not null,
  salt bytea,
  payload bytea,
  primary key (ledger, seq)
);

-- Who may seal what. The event type fixes the retention class and the kind of its stream.
create table ledger.authorities (
  role text collate "C" not null,
  event_type text collate "C" not null,
  class text not null check (class in ('permanent', 'metrics', 'telemetry', 'logs')),
  stream_kind text collate "C" not null,
  primary key (role, event_type)
);

-- Byte 0 of the derived (version 8) ids that a role may use; a role without a row seals no derived id.
create table ledger.derived_id_bytes (
  role text collate "C" primary key,
  id_byte smallint not null unique
);

insert into ledger.derived_id_bytes (role, id_byte) values
  ('runseal_ingest', 1),
  ('runseal_gates', 2),
  ('runseal_registry', 3);

insert into ledger.authorities (role, event_type, class, stream_kind) values
  ('runseal_ingest', 'run.started', 'permanent', 'run'),
  ('runseal_ingest', 'run.attempt-started', 'permanent', 'run'),
  ('runseal_ingest', 'run.parameters-recorded', 'permanent', 'run'),
  ('runseal_ingest', 'run.metrics-logged', 'metrics', 'run'),
  ('runseal_ingest', 'run.evaluated', 'permanent', 'run'),
  ('runseal_ingest', 'run.checkpoint-saved', 'permanent', 'run'),
  ('runseal_ingest', 'run.checkpoint-deleted', 'permanent', 'run'),
  ('runseal_ingest', 'run.resources-sampled', 'telemetry', 'run'),
  ('runseal_ingest', 'run.log-captured', 'logs', 'run'),
  ('runseal_ingest', 'run.annotated', 'permanent', 'run'),
  ('runseal_ingest', 'run.input-recorded', 'permanent', 'run'),
  ('runseal_ingest', 'run.output-recorded', 'permanent', 'run'),
  ('runseal_ingest', 'run.environment-recorded', 'permanent', 'run'),
  ('runseal_ingest', 'run.events-dropped', 'permanent', 'run'),
  ('runseal_ingest', 'run.finished', 'permanent', 'run'),
  ('runseal_ingest', 'run.failed', 'permanent', 'run'),
  ('runseal_ingest', 'run.killed', 'permanent', 'run'),
  ('runseal_gates', 'run.lost', 'permanent', 'run'),
  ('runseal_gates', 'run.gates-evaluated', 'permanent', 'run'),
  ('runseal_gates', 'run.warnings-accepted', 'permanent', 'run'),
  ('runseal_gates', 'run.gate-overridden', 'permanent', 'run'),
  ('runseal_gates', 'policy.published', 'permanent', 'policy'),
  ('runseal_gates', 'policy.baseline-set', 'permanent', 'policy'),
  ('runseal_registry', 'model.version-registered', 'permanent', 'model'),
  ('runseal_registry', 'model.tags-set', 'permanent', 'model'),
  ('runseal_registry', 'model.transition-requested', 'permanent', 'model'),
  ('runseal_registry', 'model.approval-given', 'permanent', 'model'),
  ('runseal_registry', 'model.approval-refused', 'permanent', 'model'),
  ('runseal_registry', 'model.transition-refused', 'permanent', 'model'),
  ('runseal_registry', 'model.stage-changed', 'permanent', 'model'),
  ('runseal_ingest', 'artifact.registered', 'permanent', 'artifact'),
  ('runseal_ingest', 'artifact.assessed', 'permanent', 'artifact'),
  ('runseal_maintenance', 'ledger.opened', 'permanent', 'ledger'),
  ('runseal_maintenance', 'ledger.restored', 'permanent', 'ledger');

-- What services and auditors read.
-- ledger_id beside the name: compared with a constant, it lets the indexes' order be used, which the name cannot.
create view ledger.sealed_records as
select
  l.name as ledger,
  r.ledger as ledger_id,
  r.epoch,
  r.seq,
  r.event_id,
  r.type,
  r.stream,
  r.stream_prev,
  r.prev_hash,
  r.payload_digest,
  r.hash,
  r.envelope,
  p.salt,
  p.payload
from ledger.ledgers l
join ledger.records r on r.ledger = l.ledger
left join ledger.payloads p on p.ledger = r.ledger and p.seq = r.seq;

create view ledger.newest_records as
select l.name as ledger, l.ledger as ledger_id, l.epoch, l.size, l.newest_hash
from ledger.ledgers l;

grant usage on schema ledger
  to runseal_ingest, runseal_lineage, runseal_gates, runseal_registry, runseal_maintenance, runseal_auditor;
grant select on ledger.sealed_records, ledger.newest_records
  to runseal_ingest, runseal_lineage, runseal_gates, runseal_registry, runseal_maintenance, runseal_auditor;
