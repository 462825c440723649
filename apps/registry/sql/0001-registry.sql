-- The service makes its own tables here, anew where they change: in use, and beside them while they are built anew.
create schema registry_v1 authorization runseal_owner;
create schema registry_v1_build authorization runseal_owner;
set local role runseal_owner;
grant usage, create on schema registry_v1, registry_v1_build to runseal_registry;
