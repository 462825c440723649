import { derivedEventInput, derivedId } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { eventTypes, Refusal, type SubmittedEvent } from '@runseal/contracts';
import { eventToSeal, type SealingDoor } from '@runseal/ledger';
import { inTransaction, type Connection, type Pool } from '@runseal/postgres';
import type { ServiceLog } from '@runseal/runtime';
import { GATES_PRINCIPAL } from './deciding/decider.js';
import { GATES_ID_BYTE } from './deciding/verdict-event.js';
import { ENGINE } from './engine/judge.js';
import { GatesRefusal } from './refusal.js';

export const PHASES = ['load', 'train', 'eval', 'save', 'hash'] as const;
export type Phase = (typeof PHASES)[number];

export interface Heartbeat {
  readonly run: string;
  readonly attempt: string;
  readonly phase: Phase;
  readonly principal: string;
}

export interface LeasesOptions {
  /** Looks in the projection's schema. */
  readonly pool: Pool;
  readonly door: Pick<SealingDoor, 'seal'>;
  readonly ledger: string;
  readonly log: ServiceLog;
  /** What a heartbeat is good for. */
  readonly lease_s: number;
}

/** So many leases in a row without a heartbeat, and the run is lost. */
const LEASES_MISSED = 3;
const CHECKS_PER_LEASE = 6;
const SEALED_AT_ONCE_MAX = 20;

interface Expired {
  readonly run: string;
  readonly attempt: string;
  readonly attempt_hash: string | null;
  readonly newest_seq: number | null;
  readonly isRunning: boolean;
}

/**
 * Who trains at the moment. Heartbeats are no events; an attempt whose heartbeats stop for three leases becomes one. Time is the
 * database's: processes share it. After a start, and wherever this process could not look for longer than a lease, every lease
 * begins anew: then nobody's silence says anything.
 */
export class Leases {
  private timer: NodeJS.Timeout | null = null;
  private lookedAt_ms: number | null = null;
  private looking: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly options: LeasesOptions) {}

  get lease_s(): number {
    return this.options.lease_s;
  }

  start(): void {
    this.wait();
  }

  /** Ends after the look under way. */
  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.looking;
  }

  /** Takes a heartbeat of a running run's newest attempt from the run's own principal. Throws a refusal for any other. */
  async renew({ run, attempt, phase, principal }: Heartbeat): Promise<void> {
    const { pool, ledger } = this.options;
    const result = await pool.query<{ state: string; principal: string; attempt: string | null }>({
      name: 'find-run-of-heartbeat',
      text: 'select r.state, r.principal, r.attempt from runs r where r.run = $1 and r.newest_seq >= 0',
      values: [run],
    });
    const [found] = result.rows;
    if (!found) throw new GatesRefusal('run_unknown', `There is no run ${run}.`);
    if (found.principal !== principal) {
      throw new GatesRefusal('foreign_run', `Run ${run} belongs to another principal, who alone sends its heartbeats.`);
    }
    if (found.state !== 'running') {
      throw new GatesRefusal('run_not_running', `Run ${run} is ${found.state}. A new attempt brings it back.`);
    }
    if (found.attempt !== attempt) {
      const newest = found.attempt === null ? 'has no attempt' : `goes on in attempt ${found.attempt}`;
      throw new GatesRefusal('attempt_not_running', `Run ${run} ${newest}: wanted a heartbeat of that one.`);
    }
    await pool.query({
      name: 'renew-lease',
      text: `
insert into gates.leases (ledger, run, attempt, phase, seen_at)
values ($1, $2, $3, $4, now())
on conflict (ledger, run) do update
set attempt = excluded.attempt, phase = excluded.phase, seen_at = excluded.seen_at`,
      values: [ledger, run, attempt, phase],
    });
  }

  private wait(): void {
    if (this.isStopped) return;
    this.timer = setTimeout(
      () => {
        this.looking = this.look().finally(() => this.wait());
      },
      (this.options.lease_s * 1_000) / CHECKS_PER_LEASE,
    );
    this.timer.unref();
  }

  private async look(): Promise<void> {
    const { log, lease_s } = this.options;
    const now_ms = performance.now();
    try {
      if (this.lookedAt_ms === null || now_ms - this.lookedAt_ms > lease_s * 1_000) await this.beginAnew();
      else for (let sealed = 0; sealed < SEALED_AT_ONCE_MAX && (await this.endOne()); sealed += 1);
      this.lookedAt_ms = now_ms;
    } catch (error) {
      // The database or the door is away. Nothing is forgotten: leases begin anew once it is back.
      log.warn({ err: error }, 'leases could not be looked at');
    }
  }

  private async beginAnew(): Promise<void> {
    const { pool, ledger } = this.options;
    await pool.query('update gates.leases set seen_at = now() where ledger = $1', [ledger]);
  }

  /** True where one lease was ended, so that there may be another. Locked meanwhile: each is ended by one process. */
  private endOne(): Promise<boolean> {
    const { pool } = this.options;
    return inTransaction(pool, async (connection) => {
      const expired = await this.lockExpired(connection);
      if (!expired) return false;
      const { run, attempt, isRunning } = expired;
      if (isRunning && !(await this.sealLost(expired))) return false;
      await connection.query('delete from gates.leases where ledger = $1 and run = $2 and attempt = $3', [
        this.options.ledger,
        run,
        attempt,
      ]);
      return true;
    });
  }

  private async lockExpired(connection: Connection): Promise<Expired | null> {
    const { ledger, lease_s } = this.options;
    const result = await connection.query<Expired>(
      `select l.run, l.attempt, r.attempt_hash, r.newest_seq,
         coalesce(r.state = 'running' and r.attempt = l.attempt, false) as "isRunning"
       from gates.leases l
       left join runs r on r.run = l.run
       where l.ledger = $1 and l.seen_at < now() - make_interval(secs => $2)
       order by l.seen_at
       limit 1
       for update of l skip locked`,
      [ledger, lease_s * LEASES_MISSED],
    );
    return result.rows[0] ?? null;
  }

  /**
   * False where the run's stream has gone on since it was read: then it is looked at again. The event follows from the attempt's
   * own record, so that two processes, or one that died in here, seal it once.
   */
  private async sealLost({ run, attempt, attempt_hash, newest_seq }: Expired): Promise<boolean> {
    const { door, lease_s, log } = this.options;
    if (attempt_hash === null || newest_seq === null) return true;
    const type = 'run.lost';
    const stream = `run/${run}`;
    const source = { type, stream, rule: 'lease', trigger: attempt_hash, policy: null, engine: ENGINE, labels: [] };
    const event: SubmittedEvent<'run.lost'> = {
      id: derivedId(GATES_ID_BYTE, derivedEventInput(source), sha256),
      ...{ type, version: eventTypes[type].version, stream, occurred_at: null, producer: null },
      payload: { attempt, lease_s, leases_missed: LEASES_MISSED },
    };
    try {
      await door.seal({ actor: GATES_PRINCIPAL, events: [eventToSeal(event)], expect: [{ stream, at: newest_seq }] });
      log.info({ run, attempt }, 'run lost: its heartbeats stopped');
      return true;
    } catch (error) {
      if (error instanceof Refusal && error.code === 'version_conflict') return false;
      if (error instanceof Refusal && error.code === 'event_id_conflict') {
        log.error({ security: true, run, attempt, err: error }, 'the ledger refuses run.lost');
        return true;
      }
      throw error;
    }
  }
}
