import { canonicalJson } from '@runseal/chain';
import { Refusal, validateRequest, type EventRequest, type KnownRecord, type SubmittedEvent } from '@runseal/contracts';
import { eventToSeal, type EventToSeal, type Receipt, type Sealer } from '@runseal/ledger';
import { readBody } from './read-body.js';
import { findSecret } from './secret-scan.js';

/** Something about a sealed event that its sender should look at; it changed nothing. */
export interface EventFlag {
  readonly index: number;
  readonly code: 'occurred_in_the_future' | 'occurred_before_2020';
}

export interface Submission {
  readonly receipts: readonly Receipt[];
  readonly flags: readonly EventFlag[];
}

const CLOCK_AHEAD_MAX_MS = 5 * 60_000;
const PLAUSIBLE_FROM_MS = Date.UTC(2020, 0, 1);
const OWN_STREAMS_KEPT = 10_000;

/** The way of a request from its bytes to its receipts: parse, validate, look for secrets, make canonical, seal. */
export class SubmitEvents {
  /** Run streams that are known to belong to a principal: their owner never changes. */
  private readonly owners = new Map<string, string>();

  constructor(
    private readonly sealer: Pick<Sealer, 'seal'>,
    private readonly options: { readonly scansForSecrets: boolean },
  ) {}

  /** Seals all events of the body or none. Throws a Refusal, or what the sealer throws; then nothing of it was sealed by this call. */
  async submit(body: Uint8Array, principal: string): Promise<Submission> {
    const request = this.read(body);
    const events = request.events.map((event, index) => this.prepare(event, index));
    const streams = new Set(events.map((event) => event.stream).filter((stream) => stream.startsWith('run/')));
    const ownStreams = [...streams].filter((stream) => this.owners.get(stream) !== principal);
    const expect = request.events.flatMap((event) => event.expect ?? []);
    const receipts = await this.sealer.seal({
      actor: principal,
      events,
      ...(expect.length > 0 ? { expect } : {}),
      ...(request.known ? { known: request.known as KnownRecord } : {}),
      ...(ownStreams.length > 0 ? { ownStreams } : {}),
    });
    this.remember(ownStreams, principal);
    return { receipts, flags: flagsOf(request.events) };
  }

  private read(body: Uint8Array): EventRequest {
    const request = readBody(body);
    const refusal = validateRequest(request);
    if (refusal) throw refusal;
    return request as EventRequest;
  }

  private prepare(event: SubmittedEvent, index: number): EventToSeal {
    const text = canonicalJson(event.payload);
    const secret = this.options.scansForSecrets ? findSecret(event.payload, text) : null;
    if (secret) {
      const path = `/payload${secret.path}`;
      throw new Refusal(
        'secret_detected',
        `Event ${index} holds what looks like ${secret.kind} at ${path}: what is sealed stays for ever. Nothing was sealed. ` +
          `Take it out and send the event again.`,
        [{ index, path, found: secret.kind, wanted: 'no credential' }],
      );
    }
    return eventToSeal(event, { index, text });
  }

  private remember(streams: readonly string[], principal: string): void {
    for (const stream of streams) this.owners.set(stream, principal);
    for (const oldest of this.owners.keys()) {
      if (this.owners.size <= OWN_STREAMS_KEPT) return;
      this.owners.delete(oldest);
    }
  }
}

/** A clock that is far off is no reason to lose an event: it is sealed as it came, and the sender is told. */
function flagsOf(events: readonly SubmittedEvent[]): EventFlag[] {
  const latest = Date.now() + CLOCK_AHEAD_MAX_MS;
  return events.flatMap(({ occurred_at }, index): EventFlag[] => {
    const time = occurred_at === null ? null : Date.parse(occurred_at);
    if (time === null) return [];
    if (time > latest) return [{ index, code: 'occurred_in_the_future' }];
    return time < PLAUSIBLE_FROM_MS ? [{ index, code: 'occurred_before_2020' }] : [];
  });
}
