#!/bin/sh
# Run once by the Postgres image on an empty data folder: the services' roles with a password; `runseal migrate` gives them
# what they may.
set -eu

for role in ingest lineage gates registry maintenance auditor; do
  psql -v ON_ERROR_STOP=1 -v role="runseal_$role" -v password="$RUNSEAL_DB_PASSWORD" \
    -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
create role :"role" login noinherit password :'password';
alter role :"role" set idle_in_transaction_session_timeout = '10s';
SQL
done
