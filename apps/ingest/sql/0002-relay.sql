set local role runseal_owner;

-- How far each ledger is published to Kafka: its newest record that all brokers in sync have. The hash tells a restored ledger
-- from the one that was published. Moved only by whoever names where it stood: a relay that was replaced moves nothing.
create table ingest.relay_positions (
  ledger text collate "C" primary key,
  epoch integer not null,
  seq bigint not null,
  hash text not null check (hash ~ '^[0-9a-f]{64}$')
);

grant select, insert, update, delete on ingest.relay_positions to runseal_ingest;
grant select on ingest.relay_positions to runseal_auditor;
