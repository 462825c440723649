set local role runseal_owner;

-- Appends events after record p_size - 1, whose hash is p_newest, and returns the hashes of the new records. The caller holds
-- the lock on the head row, has checked everything, and moves the head.
create function ledger.append(
  p_ledger smallint, p_epoch integer, p_size bigint, p_newest bytea,
  p_ids uuid[], p_types text[], p_streams text[], p_envelopes bytea[], p_payloads bytea[], p_salts bytea[]
) returns bytea[]
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  -- 0x00 makes the hash of a leaf that of RFC 6962.
  c_leaf constant bytea := '\x00'::bytea || convert_to('runseal.record.v1', 'UTF8') || '\x0a'::bytea;
  c_payload constant bytea := convert_to('runseal.payload.v1', 'UTF8') || '\x0a'::bytea;
  v_count constant integer := cardinality(p_ids);
  v_stream_prevs bigint[];
  v_stream_prev bigint;
  v_envelope bytea;
  v_digest bytea;
  v_hash bytea := p_newest;
  v_digests bytea[] := array[]::bytea[];
  v_hashes bytea[] := array[]::bytea[];
  v_number integer := 0;
begin
  with event as (
    select e.stream, e.number, lag(p_size + e.number - 1) over (partition by e.stream order by e.number) as prev
    from unnest(p_streams) with ordinality as e (stream, number)
  ), sealed as (
    select s.stream, (
      select r.seq
      from ledger.records r
      where r.ledger = p_ledger and r.stream = s.stream
      order by r.seq desc
      limit 1
    ) as newest
    from (select distinct event.stream from event) as s
  )
  select array_agg(coalesce(event.prev, sealed.newest) order by event.number)
  into v_stream_prevs
  from event
  join sealed on sealed.stream = event.stream;

  foreach v_envelope in array p_envelopes loop
    v_number := v_number + 1;
    v_digest := sha256(c_payload || p_salts[v_number] || p_payloads[v_number]);
    v_stream_prev := coalesce(v_stream_prevs[v_number], -1); -- minus one is all ones, which means: none
    v_hash := sha256(
      c_leaf || int8send(p_size + v_number - 1) || int8send(v_stream_prev) || v_hash || v_digest || v_envelope);
    v_digests[v_number] := v_digest;
    v_hashes[v_number] := v_hash;
  end loop;

  insert into ledger.records
    (ledger, seq, epoch, event_id, type, stream, stream_prev, prev_hash, payload_digest, hash, envelope)
  select p_ledger, p_size + e.number - 1, p_epoch, e.id, e.type, e.stream, e.stream_prev, e.prev_hash, e.digest, e.hash,
    e.envelope
  from unnest(p_ids, p_types, p_streams, v_stream_prevs, array[p_newest] || v_hashes[1:v_count - 1], v_digests, v_hashes,
    p_envelopes) with ordinality as e (id, type, stream, stream_prev, prev_hash, digest, hash, envelope, number);

  insert into ledger.payloads (ledger, seq, salt, payload)
  select p_ledger, p_size + e.number - 1, e.salt, e.payload
  from unnest(p_salts, p_payloads) with ordinality as e (salt, payload, number);

  return v_hashes;
end;
$$;

revoke all on all functions in schema ledger from public;
