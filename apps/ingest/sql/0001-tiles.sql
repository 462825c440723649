create schema ingest authorization runseal_owner;
set local role runseal_owner;

-- A cache of each ledger's hash tiles (C2SP tlog-tiles): at most 256 hashes of 32 bytes a row. A tile widens until it is full.
-- Nobody trusts it: proofs made of it are checked against a signed head, and it can be made again from the records.
create table ingest.tiles (
  ledger text collate "C" not null,
  level smallint not null,
  index bigint not null,
  hashes bytea not null check (octet_length(hashes) % 32 = 0 and octet_length(hashes) between 32 and 8192),
  primary key (ledger, level, index)
);

grant usage on schema ingest to runseal_ingest, runseal_auditor;
grant select, insert, update, delete on ingest.tiles to runseal_ingest;
grant select on ingest.tiles to runseal_auditor;
