import { limits, type SubmittedEvent } from '@runseal/contracts';
import { eventToSeal } from './event-to-seal.js';

const event = (payload: object): SubmittedEvent =>
  ({
    id: '019bfa8c-310a-79de-a4da-a44a66ea62c5',
    type: 'run.metrics-logged',
    version: 1,
    stream: 'run/019bf9da-6cbb-7acb-a255-12100f80b56f',
    occurred_at: null,
    producer: null,
    payload,
  }) as unknown as SubmittedEvent;

describe('an event to seal', () => {
  it('has its payload in canonical bytes and the retention class of its type', () => {
    const { payload, class: retention } = eventToSeal(event({ b: 1, a: 'ö' }));
    expect([Buffer.from(payload).toString(), retention]).toEqual(['{"a":"ö","b":1}', 'metrics']);
  });

  it('is refused where its payload is larger than the limit, by its place in the request', () => {
    const atLimit = { a: 'x'.repeat(limits.payloadBytes - '{"a":""}'.length) };
    expect(eventToSeal(event(atLimit)).payload.length).toBe(limits.payloadBytes);
    expect(() => eventToSeal(event({ a: `${atLimit.a}x` }), { index: 3 })).toThrow(
      expect.objectContaining({ code: 'too_large', errors: [expect.objectContaining({ index: 3, path: '/payload' })] }),
    );
  });
});
