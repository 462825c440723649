-- The service makes its own tables here, anew where they change: in use, and beside them while they are built anew.
create schema gates_v1 authorization runseal_owner;
create schema gates_v1_build authorization runseal_owner;
create schema gates authorization runseal_owner;
set local role runseal_owner;
grant usage, create on schema gates_v1, gates_v1_build to runseal_gates;

-- Who sent a heartbeat last, and when by the database's clock. No fact of the ledger: a lease that ran out becomes one (run.lost),
-- and what is lost here begins anew with the next heartbeat.
create table gates.leases (
  ledger text collate "C" not null,
  run uuid not null,
  attempt uuid not null,
  phase text collate "C" not null check (phase in ('load', 'train', 'eval', 'save', 'hash')),
  seen_at timestamptz not null,
  primary key (ledger, run)
);

grant usage on schema gates to runseal_gates, runseal_auditor;
grant select, insert, update, delete on gates.leases to runseal_gates;
grant select on gates.leases to runseal_auditor;
