import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { AsOf } from '@runseal/runtime';
import type { AcceptanceAnswer, Page, VerdictAnswer } from './answers.js';
import type { SealedVerdict } from './deciding/sealed-verdicts.js';
import type { VerdictPayload } from './deciding/verdict-event.js';
import { Gates } from './gates.js';
import { findMoment } from './moment.js';
import { GatesRefusal } from './refusal.js';

export class ListVerdicts {
  constructor(
    readonly run: string,
    readonly page: { readonly limit: number; readonly cursor?: string; readonly asOf?: AsOf },
  ) {}
}

interface VerdictRow {
  readonly verdict: string;
  readonly seq: number;
  readonly hash: string;
  readonly sealed_at: string;
  readonly document: string;
  readonly superseded_by: string | null;
  readonly accepted_by: string | null;
  readonly accepted_reason: string | null;
  readonly accepted_seq: number | null;
}

@QueryHandler(ListVerdicts)
export class ListVerdictsHandler implements IQueryHandler<ListVerdicts, Page<VerdictAnswer>> {
  constructor(private readonly gates: Gates) {}

  async execute({ run, page }: ListVerdicts): Promise<Page<VerdictAnswer>> {
    const { pool } = this.gates;
    const moment = await findMoment(this.gates, page.asOf);
    const known = await pool.query('select 1 from runs where run = $1 and newest_seq >= 0', [run]);
    if (known.rowCount === 0) throw new GatesRefusal('run_unknown', `There is no run ${run}.`);
    const before = page.cursor === undefined ? moment + 1 : Math.min(seqOfCursor(page.cursor), moment + 1);
    const result = await pool.query<VerdictRow>({
      name: 'list-verdicts',
      text: `
select v.verdict, v.since_seq as seq, v.hash, v.sealed_at, v.document, next.verdict as superseded_by,
  a.actor as accepted_by, a.reason as accepted_reason, a.since_seq as accepted_seq
from verdicts v
left join verdicts next on next.run = v.run and next.since_seq = v.until_seq and next.since_seq <= $3
left join lateral (
  select d.actor, d.reason, d.since_seq
  from verdict_decisions d
  where d.verdict = v.verdict and d.verdict_hash = v.hash and d.kind = 'acceptance' and d.since_seq <= $3
  order by d.since_seq
  limit 1
) a on true
where v.run = $1 and v.since_seq < $2
order by v.since_seq desc
limit $4`,
      values: [run, before, moment, page.limit],
    });
    const items = result.rows.map((row) => toAnswer(run, row));
    const last = items.at(-1);
    return { items, next_cursor: items.length === page.limit && last ? String(last.seq) : null };
  }
}

/** A verdict that was sealed this moment, and that nothing supersedes yet. */
export const newestAnswerOf = (run: string, verdict: SealedVerdict): VerdictAnswer =>
  answerOf(run, { ...verdict, superseded_by: null, accepted: null });

function toAnswer(run: string, row: VerdictRow): VerdictAnswer {
  const { verdict: id, seq, hash, sealed_at, superseded_by, accepted_by, accepted_reason, accepted_seq } = row;
  const accepted =
    accepted_by === null || accepted_seq === null
      ? null
      : { by: accepted_by, reason: accepted_reason ?? '', seq: accepted_seq };
  const payload = JSON.parse(row.document) as VerdictPayload;
  return answerOf(run, { id, seq, hash, sealed_at, payload, superseded_by, accepted });
}

function answerOf(
  run_id: string,
  verdict: SealedVerdict & {
    readonly superseded_by: string | null;
    readonly accepted: AcceptanceAnswer | null;
  },
): VerdictAnswer {
  const { id, seq, hash, sealed_at, payload, superseded_by, accepted } = verdict;
  const { overall, policy, engine, position, gates, weights } = payload;
  return {
    ...{ verdict_id: id, run_id, seq, overall },
    policy: { id: policy.id, version: policy.version, hash: policy.hash },
    ...{ engine, position, superseded_by, gates, hash, sealed_at, weights, accepted },
  };
}

/** Anything that is no seq is a place before all: an empty page. */
const seqOfCursor = (cursor: string): number => (/^\d{1,15}$/.test(cursor) ? Number(cursor) : 0);
