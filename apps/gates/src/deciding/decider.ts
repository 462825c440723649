import { isPayload, Refusal, type RefusalCode } from '@runseal/contracts';
import { eventToSeal, type SealingDoor } from '@runseal/ledger';
import type { Position } from '@runseal/messaging';
import { inTransaction, type Connection, type Pool } from '@runseal/postgres';
import type { ServiceLog } from '@runseal/runtime';
import { GatesRefusal } from '../refusal.js';
import { readRunToJudge, type InputRecord } from './run-to-judge.js';
import { readSealedVerdicts, type SealedVerdict } from './sealed-verdicts.js';
import { isSameVerdict, verdictEventOf, type VerdictEvent } from './verdict-event.js';

/** In whose name gates seal what nobody commanded. The same in every installation: 26 letters of base32. */
export const GATES_PRINCIPAL = 'p_runsealgatesjudgesthetrain';

/** Refusals of the moment: the verdict is tried again until the door takes it, and reading waits for that. */
const PASSING: readonly RefusalCode[] = ['not_open', 'overloaded', 'ledger_behind', 'clock_skew', 'head_store_empty'];
/** Verdicts of other deciders may come between the look and the seal; each time less is left to do. */
const TRIES_MAX = 10;

export interface DeciderParts {
  /** Looks in the projection's schema. */
  readonly pool: Pool;
  readonly door: Pick<SealingDoor, 'seal'>;
  readonly ledger: string;
  readonly log: ServiceLog;
}

/** A verdict that stands in the ledger now, and whether this call put it there. */
export interface Decided {
  readonly verdict: SealedVerdict;
  readonly isNew: boolean;
}

/** Judges runs on the tables as of one record, and seals what it comes to. */
export class Decider {
  private decided = -1;

  constructor(private readonly parts: DeciderParts) {}

  /** The newest position at which this process has sealed all that was due; -1 before the first. */
  get decidedSeq(): number {
    return this.decided;
  }

  /**
   * Judges the runs that the record at the position made due. Where the position has moved on, another process has decided. Dying
   * in here leaves the position where it is, and the next start comes here again with the same ids and bytes.
   */
  async decideAt({ epoch, seq }: Pick<Position, 'epoch' | 'seq'>): Promise<void> {
    const events = await this.read(async (connection) => {
      const due = await connection.query<InputRecord & { run: string }>(
        `select r.run, r.input_seq as seq, r.input_hash as hash, r.input_at as sealed_at
         from runs r
         join "position" p on p.epoch = $1 and p.seq = $2
         where r.trigger_seq = $2
         order by r.run`,
        [epoch, seq],
      );
      const made: VerdictEvent[] = [];
      for (const { run, ...trigger } of due.rows) {
        const judged = await readRunToJudge(connection, run);
        if (judged) made.push(verdictEventOf(judged, trigger));
      }
      return made;
    });
    for (const event of events) await this.sealForGood(event);
    this.decided = seq;
  }

  /**
   * Judges one run now, as of the newest record that is an input, by the policy in force. Same inputs and policy: the verdict that
   * stands already. Throws the refusals `run_unknown` and `run_not_ended`.
   */
  async evaluate(run: string, actor: string): Promise<Decided> {
    const event = await this.read(async (connection) => {
      const judged = await readRunToJudge(connection, run);
      if (!judged) throw new GatesRefusal('run_unknown', `There is no run ${run}.`);
      if (judged.facts.state === 'running') {
        throw new GatesRefusal('run_not_ended', `Run ${run} is running: it is judged when it ends.`);
      }
      return verdictEventOf(judged, judged.newest);
    });
    return this.seal(event, actor);
  }

  private read<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    return inTransaction(this.parts.pool, async (connection) => {
      await connection.query('set transaction isolation level repeatable read, read only');
      return work(connection);
    });
  }

  /** A refusal that no later try would change must not keep everything behind it from being read. */
  private async sealForGood(event: VerdictEvent): Promise<void> {
    const { log } = this.parts;
    try {
      const { verdict, isNew } = await this.seal(event, GATES_PRINCIPAL);
      const { overall } = verdict.payload;
      if (isNew) log.info({ stream: event.stream, seq: verdict.seq, overall }, 'run judged');
    } catch (error) {
      if (!(error instanceof Refusal) || PASSING.includes(error.code)) throw error;
      log.error({ security: true, stream: event.stream, err: error }, 'the ledger refuses a verdict');
    }
  }

  /**
   * Seals a verdict unless one that stands already takes in as much, or says the same of the same inputs. The condition on the
   * run's newest verdict keeps two deciders from sealing an older one behind a newer.
   */
  private async seal(event: VerdictEvent, actor: string): Promise<Decided> {
    const { pool, door, ledger } = this.parts;
    const { stream, type, payload } = event;
    if (!isPayload(type, event.version, payload)) throw new Error(`Gates made a ${type} that does not fit its schema.`);
    for (let tries = 1; ; tries += 1) {
      const sealed = await readSealedVerdicts(pool, ledger, stream.slice('run/'.length));
      const standing = findStanding(sealed, event);
      if (standing) return { verdict: standing, isNew: false };
      try {
        const expect = [{ stream, type, at: sealed[0]?.seq ?? -1 }];
        const [receipt] = await door.seal({ actor, events: [eventToSeal(event)], expect });
        if (!receipt) throw new Error('The door gave no receipt.');
        const { id, seq, hash, sealed_at, duplicate } = receipt;
        return { verdict: { id, seq, hash, sealed_at, payload }, isNew: !duplicate };
      } catch (error) {
        const isOvertaken = error instanceof Refusal && error.code === 'version_conflict';
        if (!isOvertaken || tries === TRIES_MAX) throw error;
      }
    }
  }
}

/** The verdict that makes another one needless: the same one, a newer one, or the newest where it says the same. */
function findStanding(sealed: readonly SealedVerdict[], { id, payload }: VerdictEvent): SealedVerdict | null {
  const same = sealed.find((verdict) => verdict.id === id);
  if (same) return same;
  const [newest] = sealed.toSorted((one, other) => other.payload.position - one.payload.position);
  if (!newest) return null;
  if (newest.payload.position > payload.position) return newest;
  return isSameVerdict(newest.payload, payload) ? newest : null;
}
