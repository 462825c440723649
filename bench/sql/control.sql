-- The control of the bench `seal`: the same parameters into the same tables and indexes by the same kind of function, which
-- reads ids from the envelopes too, without hashes, chain, authority and outcome.
create schema control;
create table control.records (like ledger.records including all);
create table control.payloads (like ledger.payloads including all);
create sequence control.seq minvalue 0;

create function control.store(
  p_ledger text, p_anchor_epoch integer, p_anchor_seq bigint, p_anchor_hash bytea,
  p_requests integer[], p_envelopes bytea, p_payload_lengths integer[], p_payloads bytea, p_salts bytea, p_conditions json
) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  v_documents json := ('[' || convert_from(p_envelopes, 'UTF8') || ']')::json;
  v_zeros constant bytea := decode(repeat('00', 32), 'hex');
  v_first bigint;
begin
  perform set_config('synchronous_commit', 'on', true);
  v_first := nextval('control.seq') * 1000;

  insert into control.records
    (ledger, seq, epoch, event_id, type, stream, stream_prev, prev_hash, payload_digest, hash, envelope)
  select 1, v_first + e.number, 0, e.id, e.type, e.stream, e.number, v_zeros, v_zeros, v_zeros,
    convert_to(e.document::text, 'UTF8')
  from rows from (
    json_array_elements(v_documents),
    json_to_recordset(v_documents) as (id uuid, type text, stream text, class text, sealed_at text)
  ) with ordinality as e (document, id, type, stream, class, sealed_at, number);

  insert into control.payloads (ledger, seq, salt, payload)
  select 1, v_first + b.number, substring(p_salts from (32 * b.number - 31)::integer for 32),
    substring(p_payloads from b.until - b.length + 1 for b.length)
  from (
    select e.length, e.number, (sum(e.length) over (order by e.number))::integer as until
    from unnest(p_payload_lengths) with ordinality as e (length, number)
  ) as b;
  return v_first;
end;
$$;

grant usage on schema control to runseal_ingest;
grant usage on sequence control.seq to runseal_ingest;
grant insert, select on control.records, control.payloads to runseal_ingest;
grant execute on function control.store to runseal_ingest;
