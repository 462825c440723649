import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { AcceptedAnswer } from './answers.js';
import { Gates } from './gates.js';
import { GatesRefusal } from './refusal.js';
import { sealCommand } from './seal-command.js';

export class AcceptWarnings {
  constructor(
    readonly run: string,
    readonly person: string,
    readonly accepted: { readonly reason: string; readonly verdict?: string },
  ) {}
}

interface NewestVerdict {
  readonly verdict: string;
  readonly seq: number;
  readonly hash: string;
  readonly overall: string;
  readonly accepted_by: string | null;
  readonly accepted_reason: string | null;
  readonly accepted_seq: number | null;
}

/** A person takes responsibility for the warnings of the newest verdict, and of no other: the seal is conditional on it. */
@CommandHandler(AcceptWarnings)
export class AcceptWarningsHandler implements ICommandHandler<AcceptWarnings, AcceptedAnswer> {
  constructor(private readonly gates: Gates) {}

  async execute({ run, person, accepted }: AcceptWarnings): Promise<AcceptedAnswer> {
    const newest = await this.findNewest(run);
    if (!newest) throw new GatesRefusal('nothing_to_accept', `Run ${run} has no verdict: it is judged when it ends.`);
    const { verdict, seq, hash, overall } = newest;
    if (accepted.verdict !== undefined && accepted.verdict !== verdict) {
      throw new GatesRefusal(
        'nothing_to_accept',
        `The newest verdict is ${verdict}, not ${accepted.verdict}: look at it.`,
      );
    }
    if (overall !== 'warnings') {
      throw new GatesRefusal('nothing_to_accept', `The newest verdict says ${overall}; only warnings can be accepted.`);
    }
    const answer = { run_id: run, verdict_id: verdict };
    if (newest.accepted_by !== null && newest.accepted_seq !== null) {
      return { ...answer, by: newest.accepted_by, reason: newest.accepted_reason ?? '', seq: newest.accepted_seq };
    }
    const stream = `run/${run}`;
    const receipt = await sealCommand(this.gates.parts.door, {
      ...{ type: 'run.warnings-accepted', stream, actor: person },
      payload: { verdict, verdict_hash: hash, reason: accepted.reason },
      expect: [{ stream, type: 'run.gates-evaluated', at: seq }],
    });
    return { ...answer, by: person, reason: accepted.reason, seq: receipt.seq };
  }

  private async findNewest(run: string): Promise<NewestVerdict | null> {
    const result = await this.gates.pool.query<NewestVerdict>({
      name: 'newest-verdict',
      text: `
select v.verdict, v.since_seq as seq, v.hash, v.overall, d.actor as accepted_by, d.reason as accepted_reason,
  d.since_seq as accepted_seq
from verdicts v
left join verdict_decisions d on d.verdict = v.verdict and d.verdict_hash = v.hash and d.kind = 'acceptance'
where v.run = $1 and v.until_seq is null
order by v.since_seq desc, d.since_seq
limit 1`,
      values: [run],
    });
    return result.rows[0] ?? null;
  }
}
