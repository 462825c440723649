// The event as submitted and the body of a request.
import { Type, type Static } from 'typebox';
import type { EventPayload, EventType } from './event-types.js';
import type { StreamKind } from './define-event.js';
import { limits } from './limits.js';
import { closed, eventId, hash, integer, list, matched, nullable, patterns, time, uuid } from './scalars.js';

/** Which ids each kind of stream takes. */
export const streamPatterns: Readonly<Record<StreamKind, string>> = {
  run: patterns.uuid.replace('^', '^run/'),
  artifact: patterns.digest.replace('^', '^artifact/'),
  model: patterns.streamId.replace('^', '^model/'),
  policy: patterns.streamId.replace('^', '^policy/'),
  ledger: patterns.name.replace('^', '^ledger/'),
};

/** The same in words. */
export const streamWords: Readonly<Record<StreamKind, string>> = {
  run: 'run/<UUID, lower-case with hyphens>',
  artifact: 'artifact/sha256:<64 lower-case hex digits>',
  model: 'model/<name: letters, digits and . _ : -, at most 200>',
  policy: 'policy/<id: letters, digits and . _ : -, at most 200>',
  ledger: 'ledger/<name of the ledger>',
};

const stream = matched(patterns.stream, 'the stream: <kind>/<id>');
const producer = closed(
  {
    id: uuid('random, one per process and run'),
    seq: integer('the producer’s counter: from 0 over all its events, whatever their stream'),
    client: matched(patterns.client, 'name and version of the client, such as runseal-js/0.1.0'),
  },
  { description: 'who counted the event; null for events derived from content' },
);

const expectation = closed({
  stream,
  type: Type.Optional(matched(patterns.eventType, 'look at records of this type only')),
  at: integer('seq of the stream’s newest record (of that type); -1: there is none', -1),
});

export const eventSchema = closed({
  id: eventId('made by the submitter; the idempotency key'),
  type: matched(patterns.eventType, 'what happened'),
  version: integer('version of the payload’s schema', 1),
  stream,
  occurred_at: nullable(time('when it happened; null where the source does not tell')),
  producer: nullable(producer),
  payload: Type.Unsafe<object>({ type: 'object', description: 'by type and version' }),
  expect: Type.Optional(
    list(expectation, 'conditions on streams’ newest records; not sealed', {
      min: 1,
      max: limits.expectationsPerEvent,
    }),
  ),
});

const knownSchema = closed(
  {
    epoch: integer('its epoch'),
    seq: integer('its seq'),
    hash: hash('the record’s hash'),
  },
  { description: 'the submitter’s last receipt' },
);

const requestOf = (events: ReturnType<typeof list>) => closed({ events, known: Type.Optional(knownSchema) });

export const requestSchema = requestOf(
  list(eventSchema, 'sealed all or none, in this order', { min: 1, max: limits.eventsPerRequest }),
);
/** The request without its events, which are validated one by one: their count and their types have refusals of their own. */
export const requestShellSchema = requestOf(Type.Array(Type.Unsafe<unknown>({}), { minItems: 1 }));

export type Producer = Static<typeof producer>;
/** A condition: the named stream's newest record (of that type) is the one with seq `at`; -1: there is none. */
export type Expectation = Static<typeof expectation>;
/** The submitter's last receipt. */
export type KnownRecord = Static<typeof knownSchema>;

/** An event as submitted. */
export interface SubmittedEvent<Of extends EventType = EventType> {
  id: string;
  type: Of;
  version: number;
  /** `<kind>/<id>`. */
  stream: string;
  /** RFC 3339, kept as submitted; null where the source does not tell. */
  occurred_at: string | null;
  producer: Producer | null;
  payload: EventPayload<Of>;
  expect?: Expectation[];
}

/** Body of `POST /v1/events`. */
export interface EventRequest {
  events: SubmittedEvent[];
  known?: KnownRecord;
}
