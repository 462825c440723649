-- Who may call: principals, and the keys that stand for them. Every service reads; only two functions write.
create schema access authorization runseal_owner;

set local role runseal_owner;

-- A principal is a person or a service, however many keys it has. Events carry its id and never its name, so that the name
-- can be erased: it is null then.
create table access.principals (
  id text collate "C" primary key check (id ~ '^p_[a-z2-7]{26}$'),
  name text check (name <> '' and length(name) <= 200),
  kind text not null check (kind in ('person', 'service')),
  created_at timestamptz not null default now(),
  unique (id, kind),
  unique (name, kind)
);

-- The kind stands here too, tied to the principal's by the foreign key, so that a constraint can keep `approve` to persons.
create table access.keys (
  key_id text collate "C" primary key check (key_id ~ '^[a-z2-7]{16}$'),
  principal text collate "C" not null,
  kind text not null,
  ledger text collate "C" not null check (ledger ~ '^[a-z0-9][a-z0-9.-]{0,62}$'),
  scopes text[] not null,
  secret_sha256 bytea not null check (length(secret_sha256) = 32),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  foreign key (principal, kind) references access.principals (id, kind),
  constraint approve_is_for_persons check (kind = 'person' or not 'approve' = any (scopes)),
  constraint scopes_are_known check (
    cardinality(scopes) > 0
    and scopes <@ array['events:write', 'read', 'policy:write', 'approve', 'admin']
    and array_position(scopes, null) is null
  )
);

create index keys_by_ledger on access.keys (ledger, key_id);

-- Makes a key and, where the name is new for its kind, the principal with the offered id. Returns the principal's id.
create function access.create_key(
  p_principal_id text,
  p_name text,
  p_kind text,
  p_key_id text,
  p_ledger text,
  p_scopes text[],
  p_secret_sha256 bytea,
  p_expires_at timestamptz
) returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  principal_id text;
begin
  if p_name is null then
    raise exception 'a key needs the name of its principal' using errcode = 'null_value_not_allowed';
  end if;
  insert into access.principals (id, name, kind)
  values (p_principal_id, p_name, p_kind)
  on conflict (name, kind) do nothing;
  select id into strict principal_id
  from access.principals
  where name = p_name and kind = p_kind;
  insert into access.keys (key_id, principal, kind, ledger, scopes, secret_sha256, expires_at)
  values (p_key_id, principal_id, p_kind, p_ledger, p_scopes, p_secret_sha256, p_expires_at);
  return principal_id;
end
$$;

-- Revokes a key of a ledger. True where it was in force until now.
create function access.revoke_key(p_key_id text, p_ledger text) returns boolean
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
  with revoked as (
    update access.keys
    set revoked_at = now()
    where key_id = p_key_id and ledger = p_ledger and revoked_at is null
    returning key_id
  )
  select exists (select from revoked)
$$;

revoke all on function access.create_key(text, text, text, text, text, text[], bytea, timestamptz) from public;
revoke all on function access.revoke_key(text, text) from public;

-- Every service checks its callers' keys by itself; one makes and revokes them.
grant usage on schema access to runseal_ingest, runseal_lineage, runseal_gates, runseal_registry;
grant select on access.principals, access.keys to runseal_ingest, runseal_lineage, runseal_gates, runseal_registry;
grant execute on function access.create_key(text, text, text, text, text, text[], bytea, timestamptz) to runseal_ingest;
grant execute on function access.revoke_key(text, text) to runseal_ingest;
