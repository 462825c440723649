set local role runseal_owner;

-- Seq of a stream's newest record, null where it has none. The row comparison leaves the planner no other index than that of
-- the streams: it would else walk the ledger backwards where it believes the stream to be frequent.
create function ledger.find_newest_of_stream(p_ledger smallint, p_stream text) returns bigint
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select case when n.ledger = p_ledger and n.stream = p_stream then n.seq end
  from (
    select r.ledger, r.stream, r.seq
    from ledger.records r
    where (r.ledger, r.stream, r.seq) <= (p_ledger, p_stream, 9007199254740991)
    order by r.ledger desc, r.stream desc, r.seq desc
    limit 1
  ) as n;
end;

-- Appends events after record p_size - 1, whose hash is p_newest, and returns the hashes of the new records. The caller holds
-- the lock on the head row, has checked everything, and moves the head.
create function ledger.append(
  p_ledger smallint, p_epoch integer, p_size bigint, p_newest bytea,
  p_ids uuid[], p_types text[], p_streams text[], p_envelopes bytea[], p_payloads bytea[], p_salts bytea[], p_digests bytea[]
) returns bytea[]
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  -- 0x00 makes the hash of a leaf that of RFC 6962.
  c_leaf constant bytea := '\x00'::bytea || convert_to('runseal.record.v1', 'UTF8') || '\x0a'::bytea;
  v_count constant integer := cardinality(p_ids);
  v_stream_prevs bigint[];
  v_before bytea[];  -- of each leaf: what stands before the hash of the record before
  v_behind bytea[];  -- of each leaf: what stands behind it
  v_hash bytea := p_newest;
  v_hashes bytea[] := array[]::bytea[];
begin
  select array_agg(p.seq order by p.number)
  into v_stream_prevs
  from (
    select e.number, coalesce(
      lag(p_size + e.number - 1) over (partition by e.stream order by e.number),
      ledger.find_newest_of_stream(p_ledger, e.stream)
    ) as seq
    from unnest(p_streams) with ordinality as e (stream, number)
  ) as p;

  select array_agg(d.before), array_agg(d.behind)
  into v_before, v_behind
  from (
    -- Minus one is all ones, which means: none.
    select c_leaf || int8send(p_size + e.number - 1) || int8send(coalesce(e.stream_prev, -1)) as before,
      e.digest || e.envelope as behind
    from unnest(p_digests, p_envelopes, v_stream_prevs) with ordinality as e (digest, envelope, stream_prev, number)
    order by e.number
  ) as d;
  for n in 1 .. v_count loop
    v_hash := sha256(v_before[n] || v_hash || v_behind[n]);
    v_hashes[n] := v_hash;
  end loop;

  insert into ledger.records
    (ledger, seq, epoch, event_id, type, stream, stream_prev, prev_hash, payload_digest, hash, envelope)
  select p_ledger, p_size + e.number - 1, p_epoch, e.id, e.type, e.stream, e.stream_prev, e.prev_hash, e.digest, e.hash,
    e.envelope
  from unnest(p_ids, p_types, p_streams, v_stream_prevs, array[p_newest] || v_hashes[1:v_count - 1], p_digests, v_hashes,
    p_envelopes) with ordinality as e (id, type, stream, stream_prev, prev_hash, digest, hash, envelope, number);

  insert into ledger.payloads (ledger, seq, salt, payload)
  select p_ledger, p_size + e.number - 1, e.salt, e.payload
  from unnest(p_salts, p_payloads) with ordinality as e (salt, payload, number);

  return v_hashes;
end;
$$;

revoke all on all functions in schema ledger from public;
