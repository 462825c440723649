set local role runseal_owner;

-- A batch taken apart: arrays by event, from 1.
create type ledger.batch as (
  ids uuid[],
  types text[],
  classes text[],
  streams text[],
  envelopes bytea[],
  payloads bytea[],
  salts bytea[],
  digests bytea[]     -- SHA-256("runseal.payload.v1" LF salt payload)
);

-- Whether a role may seal such an event: its type, with the class and the kind of stream that go with it, and a derived
-- (version 8) id only with the role's own first byte.
create function ledger.may_seal(p_role text, p_id uuid, p_type text, p_stream text, p_class text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select exists (
    select from ledger.authorities a
    where a.role = p_role
      and a.event_type = p_type
      and a.class = p_class
      and starts_with(p_stream, a.stream_kind || '/')
  ) and (
    substring(p_id::text from 15 for 1) <> '8'
    or exists (
      select from ledger.derived_id_bytes d
      where d.role = p_role and d.id_byte = get_byte(uuid_send(p_id), 0)
    )
  );
end;


-- Takes a batch apart and checks that it is whole, within the limits and of this minute. Raises RS003 and RS004.
create function ledger.read_batch(
  p_requests integer[], p_envelopes bytea, p_payload_lengths integer[], p_payloads bytea, p_salts bytea
) returns ledger.batch
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  -- Exactly an envelope's members, in canonical order and form. No value of an envelope needs an escape.
  c_envelope constant text := '\{"actor":"[^"\\]+","class":"[a-z]+"'
    || ',"id":"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}","occurred_at":(?:null|"[^"\\]+")'
    || ',"producer":(?:null|\{"client":"[^"\\]+","id":"[^"\\]+","seq":[0-9]+\})'
    || ',"sealed_at":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"'
    || ',"stream":"[^"\\]+","type":"[^"\\]+","version":[0-9]+\}';
  c_payload constant bytea := convert_to('runseal.payload.v1', 'UTF8') || '\x0a'::bytea;
  v_text text := convert_from(p_envelopes, 'UTF8');
  v_documents json := ('[' || v_text || ']')::json;
  v_count integer := cardinality(p_payload_lengths);
  v_first text;
  v_last text;
  v_whole boolean;
  v_batch ledger.batch;
begin
  -- Element n and row n are of the same text: what is stored is what id, type, stream and class were read from.
  select
    array_agg(e.id), array_agg(e.type), array_agg(e.class), array_agg(e.stream),
    array_agg(convert_to(e.document::text, 'UTF8')), min(e.sealed_at), max(e.sealed_at),
    count(*) = v_count and max(octet_length(e.document::text)) <= 16384
  into v_batch.ids, v_batch.types, v_batch.classes, v_batch.streams, v_batch.envelopes, v_first, v_last, v_whole
  from rows from (
    json_array_elements(v_documents),
    json_to_recordset(v_documents) as (id uuid, type text, class text, stream text, sealed_at text)
  ) as e (document, id, type, class, stream, sealed_at);

  select v_whole and v_count between 1 and 500 and octet_length(p_salts) = 32 * v_count
    and sum(b.length) = octet_length(p_payloads) and count(b.length) = v_count
    and min(b.length) >= 2 and max(b.length) <= 786432
    and (select sum(r.events) = v_count and min(r.events) > 0 from unnest(p_requests) as r (events))
    -- The loop over the requests counts them from 1 in one dimension; one of null events would be examined as its neighbour.
    and array_ndims(p_requests) = 1 and array_lower(p_requests, 1) = 1 and array_position(p_requests, null) is null
    -- One match over the whole text: fifty times faster than one an envelope.
    and v_text ~ ('^' || c_envelope || '(?:,' || c_envelope || ')*$')
  into v_whole
  from unnest(p_payload_lengths) as b (length);
  if v_whole is not true then
    raise exception 'the batch contradicts itself or passes a limit: 500 events, envelope 16384 bytes, payload 786432 bytes'
      using errcode = 'RS004';
  end if;
  if v_first::timestamptz < clock_timestamp() - interval '60 seconds'
    or v_last::timestamptz > clock_timestamp() + interval '60 seconds' then
    raise exception 'sealed_at runs from % to % and the clock of the database says %: more than 60 s apart',
      v_first, v_last, clock_timestamp() using errcode = 'RS003';
  end if;

  select array_agg(p.payload), array_agg(p.salt), array_agg(sha256(c_payload || p.salt || p.payload))
  into v_batch.payloads, v_batch.salts, v_batch.digests
  from (
    select substring(p_payloads from b.until - b.length + 1 for b.length) as payload,
      substring(p_salts from (32 * b.number - 31)::integer for 32) as salt
    from (
      select e.length, e.number, (sum(e.length) over (order by e.number))::integer as until
      from unnest(p_payload_lengths) with ordinality as e (length, number)
    ) as b
    order by b.number
  ) as p;

  return v_batch;
end;
$$;

-- The request (from 0) of each event, given the number of events of each request.
create function ledger.requests_of(p_requests integer[]) returns integer[]
language sql immutable set search_path = pg_catalog, pg_temp
begin atomic
  select array_agg(r.number::integer - 1 order by r.number)
  from unnest(p_requests) with ordinality as r (events, number)
  cross join lateral generate_series(1, r.events);
end;

-- The requests (numbers from 0) of a batch that need a look of their own, before anything of them is appended: those with
-- conditions, of the ledger's own events, of stage changes, without authority, and with derived ids. Null where there is none.
create function ledger.find_unusual(p_role text, p_requests integer[], p_batch ledger.batch, p_conditions json)
returns integer[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_unusual integer[];
begin
  -- A batch has few kinds of events, so this looks at few rows, and most batches end here.
  if p_conditions is null and not exists (
    select
    from (
      select distinct e.type, e.class, split_part(e.stream, '/', 1) as stream_kind, get_byte(uuid_send(e.id), 6) >> 4 as version
      from unnest(p_batch.ids, p_batch.types, p_batch.classes, p_batch.streams) as e (id, type, class, stream)
    ) as kind
    left join ledger.authorities a on a.role = p_role and a.event_type = kind.type and a.class = kind.class
      and a.stream_kind = kind.stream_kind
    where a.role is null or kind.version = 8 or kind.stream_kind = 'ledger' or kind.type = 'model.stage-changed'
  ) then
    return null;
  end if;

  select array_agg(distinct u.request order by u.request)
  into v_unusual
  from (
    select (c.value ->> 'request')::integer as request
    from json_array_elements(p_conditions) as c
    union all
    select e.request
    from unnest(p_batch.ids, p_batch.types, p_batch.classes, p_batch.streams, ledger.requests_of(p_requests))
      as e (id, type, class, stream, request)
    left join ledger.authorities a on a.role = p_role and a.event_type = e.type and a.class = e.class
      and a.stream_kind = split_part(e.stream, '/', 1)
    where a.role is null or get_byte(uuid_send(e.id), 6) >> 4 = 8 or e.type like 'ledger.%' or e.type = 'model.stage-changed'
  ) as u;
  return v_unusual;
end;
$$;

-- The requests that repeat an event: one that the ledger holds, or one of the same batch. Null where there is none.
create function ledger.find_repeating(p_ledger smallint, p_requests integer[], p_ids uuid[]) returns integer[]
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select array_agg(distinct e.request order by e.request)
  from unnest(p_ids, ledger.requests_of(p_requests)) as e (id, request)
  where e.id in (
    select r.event_id
    from ledger.records r
    where r.ledger = p_ledger and r.event_id = any (p_ids)
    union all
    select twice.id
    from unnest(p_ids) as twice (id)
    group by twice.id
    having count(*) > 1
  );
end;

revoke all on all functions in schema ledger from public;
