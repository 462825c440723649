set local role runseal_owner;

create type ledger.seal_outcome as (
  epoch integer,      -- the ledger's after the call
  epochs integer[],   -- one an event, null where all are sealed in `epoch`
  seqs bigint[],      -- one an event, -1 where its request was refused
  hashes bytea,       -- 32 bytes an event, zeros where refused
  refusals json,      -- null, or [{"request", "code", ...}], numbers from 0
  duplicates json     -- null, or [{"event", "epoch", "sealed_at"}]: sealed before; these are their first receipts
);

-- What a look at one request finds, by event of the request: the seq of its first receipt, or the number of the earlier event
-- of the same request that it repeats, or neither where it is new.
create type ledger.request_finding as (refusal json, seqs bigint[], repeats integer[]);

-- May this request be sealed, which of its events were sealed before, and does what its sender relied on still hold?
create function ledger.examine_request(
  p_ledger smallint, p_epoch integer, p_size bigint, p_ids uuid[], p_types text[], p_streams text[], p_envelopes bytea[],
  p_payloads bytea[], p_condition json
) returns ledger.request_finding
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  v_finding ledger.request_finding;
  v_lacking text;
  v_stored record;
  v_same boolean;
  v_earlier integer;
begin
  if json_typeof(p_condition -> 'known') = 'object' then
    v_finding.refusal := ledger.find_rewind(p_ledger, p_epoch, p_condition -> 'known');
  end if;
  v_finding.seqs := array_fill(null::bigint, array[cardinality(p_ids)]);
  v_finding.repeats := array_fill(null::integer, array[cardinality(p_ids)]);
  for n in 1 .. cardinality(p_ids) loop
    exit when v_finding.refusal is not null;
    if not ledger.may_seal(session_user, p_ids[n], p_types[n], p_streams[n],
      convert_from(p_envelopes[n], 'UTF8')::json ->> 'class') then
      v_finding.refusal := json_build_object('code', 'forbidden_event_type', 'event', n - 1, 'type', p_types[n]);
      exit;
    end if;
    select r.seq, r.envelope, r.payload_digest, p.salt
    into v_stored
    from ledger.records r
    left join ledger.payloads p on p.ledger = r.ledger and p.seq = r.seq
    where r.ledger = p_ledger and r.event_id = p_ids[n];
    v_earlier := array_position(p_ids[1:n - 1], p_ids[n]);
    if v_stored.seq is not null then
      v_finding.seqs[n] := v_stored.seq;
      v_same := ledger.tell_the_same(v_stored.envelope, p_envelopes[n])
        and (v_stored.salt is null or ledger.payload_digest(v_stored.salt, p_payloads[n]) = v_stored.payload_digest);
    elsif v_earlier is not null then
      v_finding.repeats[n] := v_earlier;
      v_same := ledger.tell_the_same(p_envelopes[v_earlier], p_envelopes[n]) and p_payloads[v_earlier] = p_payloads[n];
    else
      continue;
    end if;
    if not v_same then
      v_finding.refusal := json_build_object('code', 'event_id_conflict', 'event', n - 1, 'id', p_ids[n]);
    end if;
  end loop;
  -- What was sealed whole before gets its first receipts, whatever has happened on its streams since.
  if v_finding.refusal is null and array_position(v_finding.seqs, null) is not null then
    v_finding.refusal := coalesce(
      ledger.find_foreign_stream(p_ledger, p_condition ->> 'actor', p_condition -> 'own_streams'),
      ledger.find_version_conflict(p_ledger, p_condition -> 'expect'),
      ledger.find_closed_ledger(p_epoch, p_size, p_types, p_payloads[1]));
  end if;
  for n in 1 .. cardinality(p_ids) loop
    exit when v_finding.refusal is not null;
    continue when p_types[n] <> 'model.stage-changed' or coalesce(v_finding.seqs[n], v_finding.repeats[n]) is not null;
    v_lacking := ledger.find_lacking_approval(p_ledger, p_streams[n], p_payloads[n], cardinality(p_ids) = 1);
    if v_lacking is not null then
      v_finding.refusal := json_build_object('code', 'approvals_missing', 'event', n - 1, 'lacking', v_lacking);
    end if;
  end loop;
  return v_finding;
end;
$$;

-- A ledger is opened by ledger.opened and a new epoch by ledger.restored, each alone in its request: null, or {"code", ...}.
create function ledger.find_closed_ledger(p_epoch integer, p_size bigint, p_types text[], p_payload bytea) returns json
language sql immutable set search_path = pg_catalog, pg_temp
begin atomic
  select case
    when (p_size = 0) <> ('ledger.opened' = any (p_types)) then json_build_object('code', 'ledger_not_opened', 'size', p_size)
    when array['ledger.opened', 'ledger.restored'] && p_types and cardinality(p_types) > 1
      then json_build_object('code', 'not_alone', 'events', cardinality(p_types))
    when p_types[1] = 'ledger.restored' and (convert_from(p_payload, 'UTF8')::json ->> 'epoch')::integer <= p_epoch
      then json_build_object('code', 'epoch_not_newer', 'epoch', p_epoch)
    when p_types[1] = 'ledger.restored' and (convert_from(p_payload, 'UTF8')::json ->> 'kept_size')::bigint <> p_size
      then json_build_object('code', 'kept_size_differs', 'size', p_size)
  end;
end;

-- Raises RS001 unless the ledger holds the newest record that the caller knows: a database that was set back under a running
-- service must not take another record.
create function ledger.check_anchor(
  p_ledger smallint, p_name text, p_epoch integer, p_size bigint, p_anchor_epoch integer, p_anchor_seq bigint,
  p_anchor_hash bytea
) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if p_size = 0 and p_anchor_seq is null then
    return;
  end if;
  if p_anchor_epoch is null or p_anchor_epoch > p_epoch or not ledger.holds(p_ledger, p_anchor_seq, p_anchor_hash) then
    raise exception 'ledger "%" has % records in epoch % and does not hold record % of epoch % that its caller knows',
      p_name, p_size, p_epoch, coalesce(p_anchor_seq::text, '(none)'), coalesce(p_anchor_epoch::text, '(none)')
      using errcode = 'RS001';
  end if;
end;
$$;

-- Seals a batch request by request: those in `p_unusual` are looked at by themselves, each after everything before it was
-- appended; what lies between is appended as it stands. The caller holds the lock on the head row.
create function ledger.seal_by_request(
  p_ledger smallint, p_epoch integer, p_size bigint, p_newest bytea, p_requests integer[], p_batch ledger.batch,
  p_unusual integer[], p_conditions json
) returns ledger.seal_outcome
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  v_finding ledger.request_finding;
  v_hashes bytea[];
  v_all_hashes bytea[] := array_fill(decode(repeat('00', 32), 'hex'), array[cardinality(p_batch.ids)]);
  v_refusals json[];
  v_passed_over integer[] := array[]::integer[]; -- events that are not appended: refused or sealed before
  v_repeats integer[] := array[]::integer[];     -- pairs: event, the earlier event that it repeats
  v_epoch integer := p_epoch;
  v_size bigint := p_size;
  v_newest bytea := p_newest;
  v_from integer;
  v_until integer := 0;
  v_open integer := 1;                           -- the first event that is neither appended nor passed over
  v_end integer;
  v_out ledger.seal_outcome;
begin
  v_out.seqs := array_fill(-1::bigint, array[cardinality(p_batch.ids)]);
  v_out.epochs := array_fill(p_epoch, array[cardinality(p_batch.ids)]);

  for v_request in 0 .. cardinality(p_requests) loop -- one past the last, which appends what is still open
    v_from := v_until + 1;
    v_until := v_until + coalesce(p_requests[v_request + 1], 0);
    continue when v_request < cardinality(p_requests)
      and v_size > 0 and coalesce(v_request <> all (p_unusual), true);

    while v_open < v_from loop
      v_end := coalesce((select min(p.event) from unnest(v_passed_over) as p (event) where p.event >= v_open), v_from);
      v_end := least(v_end, v_from);
      if v_end > v_open then
        v_hashes := ledger.append(p_ledger, v_epoch, v_size, v_newest,
          p_batch.ids[v_open:v_end - 1], p_batch.types[v_open:v_end - 1], p_batch.streams[v_open:v_end - 1],
          p_batch.envelopes[v_open:v_end - 1], p_batch.payloads[v_open:v_end - 1], p_batch.salts[v_open:v_end - 1],
          p_batch.digests[v_open:v_end - 1]);
        v_out.seqs[v_open:v_end - 1] := array(select generate_series(v_size, v_size + v_end - v_open - 1));
        v_all_hashes[v_open:v_end - 1] := v_hashes;
        v_out.epochs[v_open:v_end - 1] := array_fill(v_epoch, array[v_end - v_open]);
        v_size := v_size + v_end - v_open;
        v_newest := v_hashes[v_end - v_open];
      end if;
      v_open := v_end + 1;
    end loop;
    v_open := v_from;
    exit when v_request = cardinality(p_requests);

    v_finding := ledger.examine_request(p_ledger, v_epoch, v_size,
      p_batch.ids[v_from:v_until], p_batch.types[v_from:v_until], p_batch.streams[v_from:v_until],
      p_batch.envelopes[v_from:v_until], p_batch.payloads[v_from:v_until], (
        select c.value from json_array_elements(p_conditions) as c where (c.value ->> 'request')::integer = v_request));
    if v_finding.refusal is not null then
      v_refusals := v_refusals || (
        select json_object_agg(m.key, m.value)
        from (
          select 'request' as key, to_json(v_request) as value
          union all
          select r.key, r.value from json_each(v_finding.refusal) as r
        ) as m);
      v_passed_over := v_passed_over || array(select generate_series(v_from, v_until));
    else
      for n in v_from .. v_until loop
        v_out.seqs[n] := coalesce(v_finding.seqs[n - v_from + 1], -1);
        if v_finding.repeats[n - v_from + 1] is not null then
          v_repeats := v_repeats || array[n, v_from + v_finding.repeats[n - v_from + 1] - 1];
        end if;
        if v_out.seqs[n] >= 0 or v_finding.repeats[n - v_from + 1] is not null then
          v_passed_over := v_passed_over || n;
        end if;
      end loop;
      if p_batch.types[v_from] in ('ledger.opened', 'ledger.restored') and v_out.seqs[v_from] < 0 then
        v_epoch := (convert_from(p_batch.payloads[v_from], 'UTF8')::json ->> 'epoch')::integer;
      end if;
    end if;
  end loop;

  for n in 1 .. cardinality(v_repeats) / 2 loop
    v_out.seqs[v_repeats[2 * n - 1]] := v_out.seqs[v_repeats[2 * n]];
  end loop;
  if cardinality(v_passed_over) > 0 then
    select json_agg(json_build_object('event', d.event - 1, 'epoch', r.epoch,
      'sealed_at', convert_from(r.envelope, 'UTF8')::json ->> 'sealed_at', 'hash', encode(r.hash, 'hex')))
    into v_out.duplicates
    from unnest(v_passed_over) as d (event)
    join ledger.records r on r.ledger = p_ledger and r.seq = v_out.seqs[d.event];
  end if;
  perform ledger.move_head(p_ledger, v_epoch, v_size, v_newest);
  v_out.epoch := v_epoch;
  v_out.refusals := array_to_json(v_refusals);
  v_out.hashes := (select string_agg(h.hash, ''::bytea order by h.number)
    from unnest(v_all_hashes) with ordinality as h (hash, number));
  return v_out;
end;
$$;

create function ledger.move_head(p_ledger smallint, p_epoch integer, p_size bigint, p_newest bytea) returns void
language sql volatile set search_path = pg_catalog, pg_temp
begin atomic
  update ledger.ledgers l
  set epoch = p_epoch, size = p_size, newest_hash = p_newest
  where l.ledger = p_ledger;
end;

-- The only way into the ledger. One autocommitted call seals the given requests in order, each whole or not at all, and says
-- what became of each. Dying before the commit leaves nothing; dying after it leaves all, and a retry gets the first receipts.
--   p_anchor_*         the newest record that the caller knows; null only for a ledger that is still empty
--   p_requests         number of events of each request
--   p_envelopes        canonical envelopes, joined by commas
--   p_payload_lengths  bytes of each payload; p_payloads: all payloads, joined; p_salts: 32 bytes an event, joined
--   p_conditions       null, or [{"request", "known"?, "expect"?}]
-- Raises RS001 ledger behind, RS002 unknown ledger, RS003 clocks apart, RS004 malformed batch, RS005 wrong isolation.
create function ledger.seal(
  p_ledger text, p_anchor_epoch integer, p_anchor_seq bigint, p_anchor_hash bytea,
  p_requests integer[], p_envelopes bytea, p_payload_lengths integer[], p_payloads bytea, p_salts bytea, p_conditions json
) returns ledger.seal_outcome
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_head record;
  v_batch ledger.batch;
  v_count integer;
  v_unusual integer[];
  v_hashes bytea[];
  v_out ledger.seal_outcome;
begin
  perform set_config('synchronous_commit', 'on', true);
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'seal needs read committed, found %', current_setting('transaction_isolation') using errcode = 'RS005';
  end if;
  -- What needs nothing of the ledger's state is done before the lock, beside the call that holds it now.
  v_batch := ledger.read_batch(p_requests, p_envelopes, p_payload_lengths, p_payloads, p_salts);
  v_count := cardinality(v_batch.ids);
  v_unusual := ledger.find_unusual(session_user, p_requests, v_batch, p_conditions);

  select l.ledger, l.epoch, l.size, l.newest_hash into v_head from ledger.ledgers l where l.name = p_ledger for update;
  if not found then
    raise exception 'there is no ledger "%"', p_ledger using errcode = 'RS002';
  end if;
  -- Everything below is a new statement, so it sees what was committed while this call waited for the lock.
  perform ledger.check_anchor(v_head.ledger, p_ledger, v_head.epoch, v_head.size, p_anchor_epoch, p_anchor_seq, p_anchor_hash);
  if v_unusual is null and v_head.size > 0 then
    begin
      v_hashes := ledger.append(v_head.ledger, v_head.epoch, v_head.size, v_head.newest_hash, v_batch.ids, v_batch.types,
        v_batch.streams, v_batch.envelopes, v_batch.payloads, v_batch.salts, v_batch.digests);
      perform ledger.move_head(v_head.ledger, v_head.epoch, v_head.size + v_count, v_hashes[v_count]);
      v_out.epoch := v_head.epoch;
      v_out.seqs := array(select generate_series(v_head.size, v_head.size + v_count - 1));
      v_out.hashes := (select string_agg(h.hash, ''::bytea) from unnest(v_hashes) as h (hash));
      return v_out;
    exception when unique_violation then
      null; -- an id was sealed before, or stands twice in the batch: nothing of this block is left
    end;
  end if;
  v_unusual := v_unusual || ledger.find_repeating(v_head.ledger, p_requests, v_batch.ids);
  return ledger.seal_by_request(v_head.ledger, v_head.epoch, v_head.size, v_head.newest_hash, p_requests, v_batch, v_unusual,
    p_conditions);
end;
$$;

revoke all on all functions in schema ledger from public;
grant execute on function ledger.seal(text, integer, bigint, bytea, integer[], bytea, integer[], bytea, bytea, json)
  to runseal_ingest, runseal_gates, runseal_registry, runseal_maintenance;
