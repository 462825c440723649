import { limits, Refusal, type RefusalCode } from '@runseal/contracts';
import { sqlState, type Pool } from '@runseal/postgres';
import { SealedNotifier } from './ledger-feed-hints.js';
import {
  sealBatch,
  type Anchor,
  type Receipt,
  type SealOutcome,
  type SealRefusal,
  type SealRequest,
} from './seal-batch.js';

/** Thrown when more is waiting to be sealed than the queue holds: nothing of the request was kept, try again later. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
}

export interface SealerOptions {
  readonly pool: Pool;
  readonly ledger: string;
  /** The newest record known from outside the database at the start; null only for a ledger that is still empty. */
  readonly anchor: Anchor | null;
  /** Calls of seal under way at once: while one commits, the next is already at the server. */
  readonly lanes?: number;
  readonly queuedEventsMax?: number;
  readonly queuedBytesMax?: number;
  readonly now?: () => Date;
}

interface Waiting {
  readonly request: SealRequest;
  readonly bytes: number;
  readonly resolve: (receipts: readonly Receipt[]) => void;
  readonly reject: (error: unknown) => void;
}

// What an envelope and its salt add to a payload, roughly; only for the limit on one call's size.
const EVENT_OVERHEAD_BYTES = 400;

/**
 * Group commit without linger: while calls of seal are under way, requests gather, and the next call takes them all, at most
 * 500 events and 8 MB. Every request gets its own receipts or its own refusal. Nothing is retried here: after a failed call
 * the callers do not know whether it was committed, and sending the same events again tells them.
 */
export class Sealer {
  private readonly waiting: Waiting[] = [];
  private queuedEvents = 0;
  private queuedBytes = 0;
  private underWay = 0;
  private newest: Anchor | null;
  private readonly notifier: SealedNotifier;

  constructor(private readonly options: SealerOptions) {
    this.newest = options.anchor;
    this.notifier = new SealedNotifier(options.pool, options.ledger);
  }

  /** The newest record that this process knows to be in the ledger. */
  get anchor(): Anchor | null {
    return this.newest;
  }

  /** Takes note of a record known from elsewhere, such as the newest under a published head. An older one changes nothing. */
  learn({ epoch, seq, hash }: Anchor): void {
    const { newest } = this;
    const isNewer = !newest || epoch > newest.epoch || (epoch === newest.epoch && seq > newest.seq);
    if (isNewer) this.newest = { epoch, seq, hash };
  }

  /** Events that wait for a call of seal. */
  get queueLength(): number {
    return this.queuedEvents;
  }

  /**
   * Seals the request's events whole or not at all and returns their receipts in order. Rejects with a Refusal that the
   * caller can act on, with QueueFullError, or with the driver's error (then the outcome is unknown until tried again).
   */
  seal(request: SealRequest): Promise<readonly Receipt[]> {
    const bytes = request.events.reduce((sum, event) => sum + event.payload.length + EVENT_OVERHEAD_BYTES, 0);
    const { queuedEventsMax = 5_000, queuedBytesMax = 48 * 1024 * 1024 } = this.options;
    if (this.queuedEvents + request.events.length > queuedEventsMax || this.queuedBytes + bytes > queuedBytesMax) {
      return Promise.reject(
        new QueueFullError(`${this.queuedEvents} events wait to be sealed, no more are taken for now`),
      );
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, bytes, resolve, reject });
      this.queuedEvents += request.events.length;
      this.queuedBytes += bytes;
      this.pump();
    });
  }

  private pump(): void {
    while (this.waiting.length > 0 && this.underWay < (this.options.lanes ?? 2)) {
      this.underWay += 1;
      void this.sealNext(this.takeBatch()).finally(() => {
        this.underWay -= 1;
        this.pump();
      });
    }
  }

  private takeBatch(): Waiting[] {
    let events = 0;
    let bytes = 0;
    let count = 0;
    for (const { request, bytes: more } of this.waiting) {
      const fits = events + request.events.length <= limits.eventsPerSeal && bytes + more <= limits.sealBytes;
      if (count > 0 && !fits) break;
      events += request.events.length;
      bytes += more;
      count += 1;
    }
    this.queuedEvents -= events;
    this.queuedBytes -= bytes;
    return this.waiting.splice(0, count);
  }

  private async sealNext(batch: readonly Waiting[]): Promise<void> {
    const { pool, ledger, now = () => new Date() } = this.options;
    try {
      const requests = batch.map((waiting) => waiting.request);
      const outcomes = await sealBatch(pool, ledger, this.newest, { requests, sealedAt: now() });
      outcomes.forEach((outcome, index) => this.settle(batch[index], outcome));
      if (outcomes.some((outcome) => 'receipts' in outcome)) this.notifier.notify();
    } catch (error) {
      const refusal = refusalOf(error);
      for (const { reject } of batch) reject(refusal ?? error);
    }
  }

  private settle(waiting: Waiting | undefined, outcome: SealOutcome): void {
    if ('refusal' in outcome) {
      waiting?.reject(refuse(outcome.refusal));
      return;
    }
    for (const receipt of outcome.receipts) this.learn(receipt);
    waiting?.resolve(outcome.receipts);
  }
}

/** What the SQLSTATEs of ours mean to a caller; null for any other error. */
function refusalOf(error: unknown): Refusal | null {
  const message = error instanceof Error ? error.message : String(error);
  switch (sqlState(error)) {
    case 'RS001':
      return new Refusal(
        'ledger_behind',
        `${message}. An older copy of the database was restored. Nothing is sealed until that is settled: bring back the ` +
          `newer database, or open a new epoch.`,
        [],
        { cause: error },
      );
    case 'RS003':
      return new Refusal('clock_skew', `${message}. Set the clocks of both machines by NTP.`, [], { cause: error });
    default:
      return null;
  }
}

/** Turns what `ledger.seal` said of a request into a Refusal with the event at fault. */
export function refuse(refusal: SealRefusal): Refusal {
  const { code, event, ...details } = refusal;
  const at = event === undefined ? {} : { index: event };
  const words: Record<string, [path: string, found: string, wanted: string]> = {
    event_id_conflict: [
      '/id',
      `an id that is taken by an event with other content`,
      'a new id, or the same event again',
    ],
    forbidden_event_type: ['/type', String(refusal['type']), 'a type, class, stream and id that this service may seal'],
    forbidden_stream: ['/stream', String(refusal['stream']), 'a run that this principal started'],
    approvals_missing: [
      '/payload',
      `a change to Production that lacks: ${String(refusal['lacking'])}`,
      'two sealed approvals by persons who neither asked, made the run nor overrode a gate',
    ],
    version_conflict: [
      '/expect',
      `newest record of ${String(refusal['stream'])} is ${String(refusal['found'])}`,
      `record ${String(refusal['at'])} (-1: none)`,
    ],
  };
  const [path, found, wanted] = words[code] ?? ['', JSON.stringify(details), ''];
  const sentences: Record<string, string> = {
    event_id_conflict: 'The event id was used before for other content; nothing was sealed.',
    forbidden_event_type: 'This service has no authority to seal the event; nothing was sealed.',
    approvals_missing: 'The ledger holds no two approvals of this stage change; nothing was sealed.',
    forbidden_stream: 'The run belongs to another principal; nothing was sealed.',
    version_conflict: 'A stream has moved on since it was read; nothing was sealed.',
    ledger_rewound: 'The ledger does not hold the record that the sender has a receipt for; nothing was sealed.',
    epoch_changed:
      'The sender’s last receipt was lost in a restore: send again from the kept size on; nothing was sealed.',
  };
  return new Refusal(
    code as RefusalCode,
    sentences[code] ?? `The ledger refused the request (${code}); nothing was sealed.`,
    [{ ...at, path, found, wanted }],
    { detail: details },
  );
}
