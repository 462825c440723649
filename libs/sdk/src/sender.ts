import { limits } from '@runseal/contracts';
import { postEvents, type Answer, type Door, type Problem } from './door.js';
import { findGuilty, refusalCodeOf } from './guilty.js';
import type { Outbox, Settlement, StoredEvent } from './outbox.js';
import type { Receipt } from './receipt.js';
import type { Teller } from './say.js';
import { keepRefused, type SetAside } from './set-aside.js';

/** What a sender needs of its owner. */
export interface SenderContext {
  root: string;
  outbox: Outbox;
  door: Door;
  teller: Teller;
  /** Declares events that were set aside; called before they are settled, so that dying in between declares twice. */
  declare: (setAside: SetAside[]) => void;
  /** Called once a request with its receipts, in the order of its events. */
  onReceipts?: (receipts: Receipt[]) => void;
  /** Events that wait in memory because the disk does not take them; asked for when the disk's are all delivered. */
  inMemory?: () => readonly { id: string; text: string }[];
  /** These are delivered: forgets them and returns those that have gone to the disk meanwhile. */
  release?: (ids: ReadonlySet<string>) => readonly string[];
}

/** Why sending stopped: all is delivered, the moment is bad, or a person must do something. */
export type Stop = { kind: 'empty' } | { kind: 'retry'; after_ms: number } | { kind: 'hold' };

/** Room for `known` and the brackets around the events. */
const ENVELOPE_BYTES = 1024;

/**
 * Sends one producer's events in order until nothing is left or the door says wait. An event that the door refuses for
 * itself is set aside and the rest goes on. Throws only where reading the spool fails.
 */
export class Sender {
  private epochSeen = -1;
  private isFromMemory = false;
  private readonly sentFromMemory = new Set<string>();
  /** Events that the server sealed now, not before. */
  delivered = 0;
  setAside = 0;
  /** Events that need not be sent any more, for whichever reason. */
  settled = 0;

  constructor(private readonly context: SenderContext) {}

  async sendAll(): Promise<Stop> {
    for (;;) {
      const batch = await this.next();
      if (batch.length === 0) return { kind: 'empty' };
      const stop = await this.sendGroups([batch]);
      if (stop) return stop;
    }
  }

  private async next(): Promise<StoredEvent[]> {
    const stored = await this.context.outbox.read(limits.eventsPerRequest, limits.requestBytes - ENVELOPE_BYTES);
    this.isFromMemory = stored.length === 0;
    if (!this.isFromMemory) return stored;
    // Six events of the largest size fit one request.
    const held = this.context.inMemory?.().slice(0, 6) ?? [];
    return held.map(({ text }) => ({ text, event: JSON.parse(text) as StoredEvent['event'] }));
  }

  /** Works groups off from the front, so that order is kept where a group had to be split. */
  private async sendGroups(groups: StoredEvent[][]): Promise<Stop | null> {
    for (let group = groups.shift(); group; group = groups.shift()) {
      if (group.length === 0) continue;
      const { door, outbox } = this.context;
      const answer = await postEvents(
        door,
        group.map(({ text }) => text),
        outbox.known,
      );
      switch (answer.kind) {
        case 'sealed':
          this.settleSealed(group, answer.receipts);
          break;
        case 'refused':
          groups.unshift(...this.splitRefused(group, answer.problem));
          break;
        case 'epoch_changed':
          return this.sendAgain(answer);
        case 'hold':
          return this.holdBack(answer.problem);
        case 'retry':
          this.context.teller.once('server', `the server cannot be reached (${answer.why}): events wait in the spool`);
          return { kind: 'retry', after_ms: answer.after_ms };
      }
    }
    return null;
  }

  private settleSealed(group: readonly StoredEvent[], receipts: Receipt[]): void {
    for (const trouble of ['server', 'hold']) this.context.teller.passed(trouble);
    // The server answers in order; the id is taken from what was sent, since that is what must not be sent again.
    this.settle(receipts.map((receipt, index) => ({ ...receipt, id: group[index]?.event.id ?? receipt.id })));
    this.delivered += receipts.filter(({ duplicate }) => !duplicate).length;
    try {
      this.context.onReceipts?.(receipts);
    } catch (error) {
      this.context.teller.once('receipts', `onReceipts threw ${(error as Error).message}`);
    }
  }

  private splitRefused(group: StoredEvent[], problem: Problem): StoredEvent[][] {
    const guilty = new Set(findGuilty(problem, group.length));
    if (guilty.size === 0) {
      const middle = group.length >> 1;
      return [group.slice(0, middle), group.slice(middle)];
    }
    this.putAside(
      group.filter((_, index) => guilty.has(index)),
      problem,
    );
    return [group.filter((_, index) => !guilty.has(index))];
  }

  private putAside(events: readonly StoredEvent[], problem: Problem): void {
    const code = refusalCodeOf(problem);
    const { root, teller, declare } = this.context;
    for (const { text, event } of events) {
      try {
        const path = keepRefused(root, text, { id: event.id, code, problem });
        teller.once('refused', `the server refused an event (${code}: ${problem.detail}); it lies in ${path}`);
      } catch (error) {
        teller.once('refused', `a refused event (${code}) stays in its segment only: ${(error as Error).message}`);
      }
    }
    // A refused declaration is not declared again: that would never end.
    const declared = events.filter(({ event }) => event.type !== 'run.events-dropped');
    if (declared.length > 0) {
      declare(
        declared.map(({ event: { id, type, producer } }) => ({
          id,
          type,
          producer: producer && { id: producer.id, seq: producer.seq },
          code,
        })),
      );
    }
    this.settle(events.map(({ event }) => ({ id: event.id, refused: code })));
    this.setAside += events.length;
  }

  private settle(settlements: Settlement[]): void {
    // What was sent from memory while it was written to the disk is sent from there once more, and counts once.
    this.settled += settlements.filter(({ id }) => !this.sentFromMemory.delete(id)).length;
    const ids = new Set(settlements.map(({ id }) => id));
    try {
      if (this.isFromMemory) this.settleMemory(ids);
      this.context.outbox.settle(settlements);
    } catch (error) {
      this.context.teller.once(
        'ack',
        `receipts cannot be kept (${(error as Error).message}): events may be sent twice`,
      );
    }
  }

  private settleMemory(ids: ReadonlySet<string>): void {
    const written = this.context.release?.(ids) ?? [];
    for (const id of written) this.sentFromMemory.add(id);
  }

  private sendAgain({ epoch, keptSize }: Extract<Answer, { kind: 'epoch_changed' }>): Stop | null {
    // The same change told twice means that the door and we do not understand each other; no tight loop for that.
    if (epoch <= this.epochSeen) return { kind: 'retry', after_ms: 0 };
    this.epochSeen = epoch;
    const count = this.context.outbox.rewind(epoch, keptSize);
    this.settled -= count;
    this.context.teller.once(`epoch ${epoch}`, `the server was restored from a backup: ${count} events are sent again`);
    return null;
  }

  private holdBack({ status, code, detail }: Problem): Stop {
    const what =
      code === 'ledger_rewound'
        ? 'the ledger does not hold what it has acknowledged (ledger_rewound): events wait in the spool'
        : `the server does not let us in (${status}: ${detail}): events wait in the spool`;
    this.context.teller.once('hold', what);
    return { kind: 'hold' };
  }
}
