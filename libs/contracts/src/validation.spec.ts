import { limits } from './limits.js';
import { patterns } from './scalars.js';
import type { SubmittedEvent } from './submission.js';
import { validateEvent, validateRequest } from './validation.js';

const id = '019bf9da-6cbb-7acb-a255-12100f80b56f';
const row = { kind: 'train', step: 10, n: 0, at: null, epoch: 0.1, values: { loss: 2.1, grad_norm: 'NaN' } };
const event = {
  id,
  type: 'run.metrics-logged',
  version: 1,
  stream: `run/${id}`,
  occurred_at: '2026-01-26T10:30:00.123Z',
  producer: { id: '6f1c2b1e-52a4-4d0b-9c1f-0e6a7b3d2c11', seq: 42, client: 'runseal-js/0.1.0' },
  payload: { attempt: id, rows: [row] },
} as SubmittedEvent<'run.metrics-logged'>;
const withRow = (change: object) => ({ ...event, payload: { attempt: id, rows: [row, { ...row, ...change }] } });
const fault = (submitted: unknown) => {
  const refusal = validateEvent(submitted);
  return refusal && { code: refusal.code, path: refusal.errors[0]?.path };
};

test('accepts an event as submitted, and leaves it as it was', () => {
  const before = JSON.stringify(event);
  expect(validateEvent(event)).toBeNull();
  expect(validateEvent({ ...event, producer: null, occurred_at: null })).toBeNull();
  expect(validateEvent({ ...event, expect: [{ stream: event.stream, type: 'run.started', at: -1 }] })).toBeNull();
  expect(JSON.stringify(event)).toBe(before);
});

test.each([
  ['nothing', null, ''],
  ['a list', [], ''],
  ['no id', { ...event, id: undefined }, '/id'],
  ['an id of version 4', { ...event, id: '019bf9da-6cbb-4acb-a255-12100f80b56f' }, '/id'],
  ['an id in upper case', { ...event, id: id.toUpperCase() }, '/id'],
  ['an actor', { ...event, actor: 'p_x' }, '/actor'],
  ['a fractional version', { ...event, version: 1.5 }, '/version'],
  ['a version as text', { ...event, version: '1' }, '/version'],
  ['no time where null is meant', { ...event, occurred_at: undefined }, '/occurred_at'],
  ['a counter beyond 2^53 - 1', { ...event, producer: { ...event.producer, seq: 2 ** 53 } }, '/producer/seq'],
  ['a negative counter', { ...event, producer: { ...event.producer, seq: -1 } }, '/producer/seq'],
  ['a payload that is a list', { ...event, payload: [] }, '/payload'],
  ['a condition below -1', { ...event, expect: [{ stream: event.stream, at: -2 }] }, '/expect/0/at'],
  ['a stream id of 201 characters', { ...event, stream: `run/${'a'.repeat(201)}` }, '/stream'],
  ['a type named like a member of objects', { ...event, type: 'constructor' }, '/type'],
])('refuses %s as invalid_event and names the place', (_, submitted, path) => {
  // As it would come over the wire: members that are undefined are not there.
  const wire: unknown = JSON.parse(JSON.stringify(submitted));
  expect(fault(wire)).toEqual({ code: 'invalid_event', path });
});

test('tells unknown types, unknown versions and wrong streams apart', () => {
  expect(fault({ ...event, type: 'run.sneezed' })).toEqual({ code: 'unknown_event_type', path: '/type' });
  expect(fault({ ...event, version: 2 })).toEqual({ code: 'unknown_event_version', path: '/version' });
  for (const stream of ['run/1', `artifact/${id}`, `ledger/${id}`, `run/${id.toUpperCase()}`]) {
    expect(fault({ ...event, stream })).toEqual({ code: 'wrong_stream', path: '/stream' });
  }
});

test('takes any finite double and the three texts as a metric’s value, nothing else', () => {
  for (const loss of [0, -0, 1e17, 5e-324, Number.MAX_VALUE, 'NaN', 'Infinity', '-Infinity']) {
    expect(validateEvent(withRow({ values: { loss } }))).toBeNull();
  }
  for (const loss of [null, 'nan', '1.5', true, [1], NaN, Infinity]) {
    expect(validateEvent(withRow({ values: { loss } }))?.errors[0]).toMatchObject({
      path: '/payload/rows/1/values/loss',
      wanted: 'a finite number, "NaN", "Infinity" or "-Infinity"',
    });
  }
});

test('lets only a summary row do without a step', () => {
  expect(validateEvent(withRow({ kind: 'summary', step: null }))).toBeNull();
  expect(validateEvent(withRow({ kind: 'eval', step: -1.5 }))).toBeNull();
  expect(validateEvent(withRow({ kind: 'eval', step: null }))?.errors[0]).toEqual({
    path: '/payload/rows/1/kind',
    found: '"eval"',
    wanted: '"summary"',
  });
  expect(fault(withRow({ step: 'NaN' }))?.path).toBe('/payload/rows/1/step');
});

test('takes any metric name but control characters, overlong ones and __proto__', () => {
  for (const name of ['rewards/chosen', 'eval loss', 'utrata-ł', 'a'.repeat(250), 'constructor']) {
    expect(validateEvent(withRow({ values: { [name]: 1 } }))).toBeNull();
  }
  for (const name of ['__proto__', 'a\u0000', 'a\n', '', 'a'.repeat(251)]) {
    const values: unknown = JSON.parse(`{${JSON.stringify(name)}: 1}`);
    expect(fault(withRow({ values }))?.code).toBe('invalid_payload');
  }
  expect(fault(withRow({ values: {} }))?.path).toBe('/payload/rows/1/values');
});

test('never carries a large value in its message', () => {
  const refusal = validateEvent({ ...event, id: 'x'.repeat(10_000) });
  expect(refusal?.message.length).toBeLessThan(400);
});

test('escapes member names in paths', () => {
  expect(fault({ ...event, 'a/b~c': 1 })?.path).toBe('/a~1b~0c');
});

describe('times', () => {
  const isTime = (text: string) => validateEvent({ ...event, occurred_at: text }) === null;

  test('takes exactly the days that the calendar has', () => {
    for (const year of [1, 1900, 2000, 2023, 2024, 2100]) {
      for (let month = 0; month <= 13; month += 1) {
        for (let day = 0; day <= 32; day += 1) {
          const [y, m, d] = [
            String(year).padStart(4, '0'),
            String(month).padStart(2, '0'),
            String(day).padStart(2, '0'),
          ];
          const date = new Date(0);
          date.setUTCFullYear(year, month - 1, day);
          const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
          expect([y, m, d, isTime(`${y}-${m}-${d}T00:00:00Z`)]).toEqual([y, m, d, real]);
        }
      }
    }
  });

  test('takes 29 February in leap years only', () => {
    for (let year = 1; year <= 9999; year += 1) {
      const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
      const text = `${String(year).padStart(4, '0')}-02-29T00:00:00Z`;
      if (isTime(text) !== leap) throw new Error(`${text}: found ${!leap}, wanted ${leap}`);
    }
  });

  test.each(['2026-01-26T10:30:00+05:30', '2026-01-26T23:59:59.123456789-11:00', '2026-01-26T00:00:00.0Z'])(
    'takes %s',
    (text) => expect(isTime(text)).toBe(true),
  );

  test.each([
    '2026-01-26T10:30:00',
    '2026-01-26t10:30:00Z',
    '2026-01-26T10:30:00z',
    '2026-01-26 10:30:00Z',
    '2026-01-26T24:00:00Z',
    '2026-01-26T10:60:00Z',
    '2026-01-26T10:30:60Z',
    '2026-01-26T10:30Z',
    '2026-01-26T10:30:00.Z',
    '2026-01-26T10:30:00.1234567890Z',
    '2026-01-26T10:30:00+0530',
    '2026-01-26T10:30:00+24:00',
    '0000-01-01T00:00:00Z',
    '2026-01-26T10:30:00Z\n',
    '٢٠٢٦-01-26T10:30:00Z',
    'yesterday',
    '',
  ])('refuses %j', (text) => expect(isTime(text)).toBe(false));
});

describe('a request', () => {
  test('is accepted with its events and the last receipt', () => {
    expect(validateRequest({ events: [event] })).toBeNull();
    expect(validateRequest({ events: [event], known: { epoch: 0, seq: 7, hash: 'a'.repeat(64) } })).toBeNull();
  });

  test.each([
    ['no object', 'text', ''],
    ['no events', {}, '/events'],
    ['an empty list of events', { events: [] }, '/events'],
    ['a surplus member', { events: [event], actor: 'me' }, '/actor'],
    ['a receipt without hash', { events: [event], known: { epoch: 0, seq: 7 } }, '/known/hash'],
  ])('with %s is refused as invalid_request', (_, body, path) => {
    const refusal = validateRequest(body);
    expect([refusal?.code, refusal?.errors[0]?.path]).toEqual(['invalid_request', path]);
  });

  test('takes as many events as the limit and not one more', () => {
    const events = new Array<unknown>(limits.eventsPerRequest).fill(event);
    expect(validateRequest({ events })).toBeNull();
    expect(validateRequest({ events: [...events, event] })).toMatchObject({
      code: 'too_many_events',
      errors: [{ found: '501', wanted: 'at most 500' }],
    });
  });

  test('names every event that shares the first fault’s code', () => {
    const bad = { ...event, id: 'x' };
    const refusal = validateRequest({ events: [event, bad, { ...event, type: 'run.sneezed' }, bad] });
    expect(refusal?.code).toBe('invalid_event');
    expect(refusal?.errors.map(({ index, path }) => [index, path])).toEqual([
      [1, '/id'],
      [3, '/id'],
    ]);
    expect(refusal?.message).toMatch(/^event 1, \/id: found "x", wanted a UUID/);
  });
});

test('every pattern that other packages may use is anchored at both ends', () => {
  for (const pattern of Object.values(patterns)) expect(pattern).toMatch(/^\^.*\$$/s);
});
