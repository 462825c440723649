import { createHash } from 'node:crypto';
import { derivedEventInput, derivedId } from '@runseal/chain';
import { Refusal, type RefusalCode } from '@runseal/contracts';
import type { SealingDoor } from '@runseal/ledger';
import type { Position } from '@runseal/messaging';
import type { Pool } from '@runseal/postgres';
import type { RunFacts } from '@runseal/rules';
import type { ServiceLog } from '@runseal/runtime';
import { registerRun, type NewEvent } from './deciding/decide.js';
import { decideDue, type DueKind } from './deciding/due.js';
import { readStanding } from './read-standing.js';
import { conflictOf, expectationsOf, sealEvents, type Sealing } from './seal-events.js';

/** In whose name the registry seals what nobody commanded. The same in every installation: 26 letters of base32. */
export const REGISTRY_PRINCIPAL = 'p_runsealregistryofallmodels';
const ENGINE = 'runseal-registry/1';
const REGISTRY_ID_BYTE = 3;

/** Refusals of the moment: what is due is tried again until the door takes it, and reading waits for that. */
const PASSING: readonly RefusalCode[] = ['not_open', 'overloaded', 'ledger_behind', 'clock_skew', 'head_store_empty'];

interface Due {
  readonly run: string;
  readonly model: string;
  readonly kind: DueKind;
  readonly trigger_seq: number;
  readonly trigger_hash: string;
  readonly trigger_at: string;
}

/**
 * Seals what became due, after the record that made it due was committed and before the next one is read. Dying in between
 * leaves it in the table of dues; the next start decides on the same state, derives the same ids, and gets the first receipt.
 */
export class DueSealer {
  /** By model: a record that its decisions must know and the tables do not hold yet. Until they do, any would be refused. */
  private readonly ahead = new Map<string, number>();
  private readonly givenUp = new Set<string>();

  constructor(
    private readonly parts: {
      /** Looks in the projection's schema. */
      readonly pool: Pool;
      readonly door: Pick<SealingDoor, 'seal'>;
      readonly log: ServiceLog;
    },
  ) {}

  /** At a committed position. Rejects where the door does not take anything at the moment; to be called again then. */
  async sealDues({ seq }: Pick<Position, 'seq'>): Promise<void> {
    const { rows } = await this.parts.pool.query<Due>({
      name: 'list-dues',
      text: `
select d.run, d.model, d.kind, d.trigger_seq, d.trigger_hash, d.trigger_at
from dues d
order by d.trigger_seq`,
    });
    for (const due of rows) {
      if ((this.ahead.get(due.model) ?? -1) > seq) continue;
      this.ahead.delete(due.model);
      await this.sealDue(due);
    }
  }

  private async sealDue(due: Due): Promise<void> {
    const sealing = due.kind === 'register' ? await this.decideRegistration(due) : await this.decideForVersion(due);
    const id = sealing?.events[0]?.id;
    if (!sealing || id === undefined || this.givenUp.has(id)) return;
    const { log, door } = this.parts;
    const about = { model: due.model, run: due.run, due: due.kind };
    try {
      const receipts = await sealEvents(door, sealing);
      const newest = receipts.at(-1)?.seq ?? -1;
      this.ahead.set(due.model, newest);
      log.info({ ...about, type: sealing.events[0]?.type, seq: newest }, 'sealed what was due');
    } catch (error) {
      const conflict = conflictOf(error);
      if (conflict) {
        // It is decided again once the record that was in the way has been read.
        this.ahead.set(due.model, conflict.found);
        return;
      }
      if (!(error instanceof Refusal) || PASSING.includes(error.code)) throw error;
      this.givenUp.add(id);
      log.error({ ...about, security: true, err: error }, 'the ledger refuses what was due');
    }
  }

  private async decideRegistration(due: Due): Promise<Sealing | null> {
    const { rows } = await this.parts.pool.query<{
      document: string;
      newest_seq: number | null;
      versions: number | null;
    }>({
      name: 'read-registration',
      text: `
select r.document, m.newest_seq, m.versions
from runs r
left join models m on m.model = $2
where r.run = $1`,
      values: [due.run, due.model],
    });
    const [row] = rows;
    if (!row) return null;
    const decision = registerRun(JSON.parse(row.document) as RunFacts, {
      id: idOf(due, 'model.version-registered', due.run),
      version: (row.versions ?? 0) + 1,
      trigger: { seq: due.trigger_seq, hash: due.trigger_hash },
    });
    if (!('events' in decision)) return null;
    const expect = [{ stream: `model/${due.model}`, at: row.newest_seq ?? -1 }];
    return { ...inOwnName(due), events: decision.events, expect };
  }

  private async decideForVersion(due: Due): Promise<Sealing | null> {
    const { rows } = await this.parts.pool.query<{ model: string; version: number }>({
      name: 'find-version-of-run',
      text: 'select v.model, v.version from versions v where v.run = $1 order by v.registered_seq limit 1',
      values: [due.run],
    });
    const [found] = rows;
    const read = found ? await readStanding(this.parts.pool, found.model, found.version) : null;
    if (!read || due.kind === 'register') return null;
    const event = decideDue(due.kind, read.standing, (type) => idOf(due, type, read.standing.version.version));
    return event && { ...inOwnName(due), events: [event], expect: expectationsOf(read) };
  }
}

const inOwnName = ({ model, trigger_at }: Due) => ({ model, actor: REGISTRY_PRINCIPAL, occurred_at: trigger_at });

/** The label tells apart what one record made due. */
function idOf(due: Due, type: NewEvent['type'], label: string | number): string {
  const source = {
    ...{ type, stream: `model/${due.model}`, rule: `registry.${due.kind}`, trigger: due.trigger_hash },
    ...{ policy: null, engine: ENGINE, labels: [label] },
  };
  return derivedId(REGISTRY_ID_BYTE, derivedEventInput(source), (bytes) => createHash('sha256').update(bytes).digest());
}
