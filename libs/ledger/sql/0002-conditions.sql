set local role runseal_owner;

-- Makes an empty ledger, or does nothing where it exists. Its first record must be ledger.opened.
create function ledger.create_ledger(p_name text) returns void
language sql security definer set search_path = pg_catalog, pg_temp
begin atomic
  insert into ledger.ledgers (name) values (p_name) on conflict (name) do nothing;
end;

-- True where the record of that seq has that hash.
create function ledger.holds(p_ledger smallint, p_seq bigint, p_hash bytea) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select exists (
    select from ledger.records r
    where r.ledger = p_ledger and r.seq = p_seq and r.hash = p_hash
  );
end;

-- Whether the ledger still holds a sender's last receipt {"epoch", "seq", "hash"}: null, or {"code", ...}.
create function ledger.find_rewind(p_ledger smallint, p_epoch integer, p_known json) returns json
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_epoch integer := (p_known ->> 'epoch')::integer;
  v_seq bigint := (p_known ->> 'seq')::bigint;
  v_kept_size bigint;
begin
  if v_epoch < p_epoch then
    -- The first record of a newer epoch stands at the size that the restore kept.
    select min(r.seq) into v_kept_size
    from ledger.records r
    where r.ledger = p_ledger
      and r.stream = (select 'ledger/' || l.name from ledger.ledgers l where l.ledger = p_ledger)
      and r.type = 'ledger.restored'
      and r.epoch > v_epoch;
    if v_seq >= v_kept_size then
      return json_build_object('code', 'epoch_changed', 'epoch', p_epoch, 'kept_size', v_kept_size);
    end if;
  end if;
  if v_epoch > p_epoch or not ledger.holds(p_ledger, v_seq, decode(p_known ->> 'hash', 'hex')) then
    return json_build_object('code', 'ledger_rewound');
  end if;
  return null;
end;
$$;

-- Whether each named stream's newest record (of that type) is the expected one, -1 for none: null, or {"code", ...}.
--   p_expect  [{"stream", "type"?, "at"}]
create function ledger.find_version_conflict(p_ledger smallint, p_expect json) returns json
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select json_build_object('code', 'version_conflict', 'stream', c.stream, 'type', c.type, 'at', c.at, 'found', c.found)
  from (
    select e.stream, e.type, e.at, e.number, coalesce((
      select r.seq
      from ledger.records r
      where r.ledger = p_ledger and r.stream = e.stream and (e.type is null or r.type = e.type)
      order by r.seq desc
      limit 1
    ), -1) as found
    from rows from (json_to_recordset(p_expect) as (stream text, type text, at bigint))
      with ordinality as e (stream, type, at, number)
  ) as c
  where c.found is distinct from c.at
  order by c.number
  limit 1;
end;

-- Whether the first record of each stream is this actor's, or there is none yet: null, or {"code", ...}.
create function ledger.find_foreign_stream(p_ledger smallint, p_actor text, p_streams json) returns json
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select json_build_object('code', 'forbidden_stream', 'stream', s.stream)
  from json_array_elements_text(p_streams) as s (stream)
  cross join lateral (
    select convert_from(r.envelope, 'UTF8')::json ->> 'actor' as actor
    from ledger.records r
    where r.ledger = p_ledger and r.stream = s.stream
    order by r.seq
    limit 1
  ) as first
  where first.actor <> p_actor
  limit 1;
end;

-- True where two envelopes tell of the same event. Actor and sealed_at are not compared: a retry may come by another key.
create function ledger.tell_the_same(p_envelope bytea, p_other bytea) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp
begin atomic
  select not exists (
    select from unnest(array['type', 'version', 'stream', 'occurred_at', 'producer']) as m (member)
    where (convert_from(p_envelope, 'UTF8')::json -> m.member)::text
      is distinct from (convert_from(p_other, 'UTF8')::json -> m.member)::text
  );
end;

-- SHA-256("runseal.payload.v1" LF salt payload)
create function ledger.payload_digest(p_salt bytea, p_payload bytea) returns bytea
language sql immutable set search_path = pg_catalog, pg_temp
begin atomic
  select sha256('\x72756e7365616c2e7061796c6f61642e76310a'::bytea || p_salt || p_payload);
end;

-- No one but the owner calls these: seal does, in the owner's name.
revoke all on all functions in schema ledger from public;
grant execute on function ledger.create_ledger(text) to runseal_maintenance;
