set local role runseal_owner;

-- The members of a payload that is an object and names each of its members once, `verdict`'s too; null for any other bytes. Who
-- may seal a type may seal bytes that no schema has seen, and readers differ in what they make of a name that stands twice.
create function ledger.read_members(p_payload bytea) returns jsonb
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_document json;
begin
  v_document := convert_from(p_payload, 'UTF8')::json;
  if exists (
    select
    from (
      select '' as parent, m.name
      from json_object_keys(v_document) as m (name)
      union all
      select 'verdict', m.name
      from json_object_keys(case when json_typeof(v_document -> 'verdict') = 'object' then v_document -> 'verdict' end)
        as m (name)
    ) as member
    group by member.parent, member.name
    having count(*) > 1
  ) then
    return null;
  end if;
  return v_document::jsonb;
exception when data_exception or program_limit_exceeded then
  return null; -- not UTF-8, no JSON, no object, a NUL, too deep
end;
$$;

-- What of these types a stream says, in order of seq: who sealed it, as which record, in which members (null: unreadable).
create function ledger.read_story(p_ledger smallint, p_stream text, p_types text[])
returns table (seq bigint, type text, id text, hash text, actor text, said jsonb)
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select r.seq, r.type, r.event_id::text, encode(r.hash, 'hex'), convert_from(r.envelope, 'UTF8')::json ->> 'actor',
    ledger.read_members(p.payload)
  from ledger.records r
  left join ledger.payloads p on p.ledger = r.ledger and p.seq = r.seq
  where r.ledger = p_ledger and r.stream = p_stream and r.type = any (p_types)
  order by r.seq;
end;

-- What a stage change to Production lacks: null for nothing, and for a change to another stage. It must stand alone in its
-- request, be the first use of a request for Production that nobody refused, rest on the run's newest verdict, and list approvals
-- of that request, artifact and verdict by at least two, none of whom asked, made the run or overrode a gate of it. Reads
-- the model's stream and the run's verdicts while the head is locked: milliseconds, and only for this one event.
create function ledger.find_lacking_approval(p_ledger smallint, p_stream text, p_payload bytea, p_is_alone boolean)
returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  c_stages constant text[] := array['None', 'Candidate', 'Staging', 'Archived'];
  v_change jsonb := ledger.read_members(p_payload);
  v_request record;
  v_version record;
  v_run record;
  v_approvals record;
begin
  -- Whatever is not plainly another stage is held to be Production.
  if v_change ->> 'to' = any (c_stages) then
    return null;
  end if;
  if (v_change ->> 'to' = 'Production' and jsonb_typeof(v_change -> 'version') = 'number'
    and jsonb_typeof(v_change -> 'approvals') = 'array') is not true then
    return 'payload';
  end if;
  if not p_is_alone then
    return 'alone';
  end if;

  select s.seq, s.actor
  into v_request
  from ledger.read_story(p_ledger, p_stream, array['model.transition-requested']) as s
  where s.id = v_change ->> 'request' and s.said -> 'version' = v_change -> 'version' and s.said ->> 'to' = 'Production';
  if not found then
    return 'request';
  end if;
  if exists (
    select
    from ledger.read_story(p_ledger, p_stream,
      array['model.approval-refused', 'model.transition-refused', 'model.stage-changed']) as s
    where s.seq > v_request.seq and (
      s.said is null
      or s.type = 'model.stage-changed' and s.said -> 'version' = v_change -> 'version'
      or s.type <> 'model.stage-changed' and s.said ->> 'request' = v_change ->> 'request'
    )
  ) then
    return 'open_request';
  end if;

  select count(*) as count, min(s.said ->> 'run') as run, min(s.said #>> '{artifact,digest}') as artifact
  into v_version
  from ledger.read_story(p_ledger, p_stream, array['model.version-registered']) as s
  where s.said is null or s.said -> 'version' = v_change -> 'version';
  if (v_version.count = 1 and v_version.run <> '' and v_version.artifact <> '') is not true then
    return 'version';
  end if;

  select
    (array_agg(jsonb_build_object('id', s.id, 'seq', s.seq, 'hash', s.hash) order by s.seq desc)
      filter (where s.type = 'run.gates-evaluated'))[1] as verdict,
    (array_agg(s.said ->> 'overall' order by s.seq desc) filter (where s.type = 'run.gates-evaluated'))[1] as overall,
    array_agg(s.actor) filter (where s.type = 'run.gate-overridden') || (
      select convert_from(r.envelope, 'UTF8')::json ->> 'actor'
      from ledger.records r
      where (r.ledger, r.stream, r.seq) >= (p_ledger, 'run/' || v_version.run, 0) and r.stream = 'run/' || v_version.run
      order by r.ledger, r.stream, r.seq
      limit 1
    ) as involved
  into v_run
  from ledger.read_story(p_ledger, 'run/' || v_version.run, array['run.gates-evaluated', 'run.gate-overridden']) as s;
  if v_change -> 'verdict' is distinct from v_run.verdict or coalesce(v_run.overall, 'blocked') = 'blocked' then
    return 'verdict';
  end if;

  select count(distinct s.actor) as persons, count(distinct s.id) as approvals
  into v_approvals
  from ledger.read_story(p_ledger, p_stream, array['model.approval-given']) as s
  where s.seq > v_request.seq
    and v_change -> 'approvals' @> to_jsonb(s.id)
    and s.said -> 'request' = v_change -> 'request'
    and s.said -> 'version' = v_change -> 'version'
    and s.said ->> 'artifact' = v_version.artifact
    and s.said -> 'verdict' = v_run.verdict
    and s.actor <> v_request.actor
    and s.actor <> all (v_run.involved);
  if v_approvals.persons < 2
    or v_approvals.approvals <> (select count(distinct a.id) from jsonb_array_elements(v_change -> 'approvals') as a (id)) then
    return 'approvals';
  end if;
  return null;
end;
$$;

revoke all on all functions in schema ledger from public;
