import { canonicalJson, toUtf8 } from '@runseal/chain';
import { eventTypes, limits, Refusal, type EventType, type SubmittedEvent } from '@runseal/contracts';
import type { EventToSeal } from './seal-batch.js';

export interface EventToSealOptions {
  /** The event's place in its request, for the refusal. */
  readonly index?: number;
  /** The payload as canonical JSON, where the caller has it already. */
  readonly text?: string;
}

/**
 * Makes an event what `seal` takes: its payload as canonical bytes, its retention class by its type. The event must be a valid one
 * (`validateEvent`). Throws the refusal `too_large` beyond the limit on a payload, and a TypeError on what JSON cannot say.
 */
export function eventToSeal<Type extends EventType>(
  event: SubmittedEvent<Type>,
  { index = 0, text = canonicalJson(event.payload) }: EventToSealOptions = {},
): EventToSeal {
  const { id, type, version, stream, occurred_at, producer } = event;
  const payload = toUtf8(text);
  if (payload.length > limits.payloadBytes) {
    const found = `${payload.length} bytes`;
    const errors = [{ index, path: '/payload', found, wanted: `at most ${limits.payloadBytes} bytes` }];
    throw new Refusal('too_large', `The payload of event ${index} is too large. Send it in several events.`, errors);
  }
  return { id, type, version, class: eventTypes[type].class, stream, occurred_at, producer, payload };
}
