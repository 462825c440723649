import { eventTypes, type EventType } from './event-types.js';
import { UnknownEventError, upcast, upcaster } from './upcasting.js';

// A fixture with three versions: no real type has more than one yet.
const toCurrent = upcaster(
  { 'run.sneezed': 3 },
  {
    'run.sneezed': [
      (payload) => ({ times: (payload as { count: number }).count }),
      (payload) => ({ ...(payload as { times: number }), loud: null }),
    ],
  },
);

test('brings each old version through every version between to the current one', () => {
  expect(toCurrent('run.sneezed', 1, { count: 2 })).toEqual({ times: 2, loud: null });
  expect(toCurrent('run.sneezed', 2, { times: 2 })).toEqual({ times: 2, loud: null });
});

test('gives the current version back as it is, and never changes what it gets', () => {
  const current = { times: 2, loud: true };
  expect(toCurrent('run.sneezed', 3, current)).toBe(current);
  const old = Object.freeze({ count: 2 });
  toCurrent('run.sneezed', 1, old);
  expect(old).toEqual({ count: 2 });
});

test('stops at a type or version that this build does not know', () => {
  for (const [type, version] of [
    ['run.coughed', 1],
    ['toString', 1],
    ['run.sneezed', 4],
    ['run.sneezed', 0],
    ['run.sneezed', 1.5],
  ] as const) {
    expect(() => toCurrent(type, version, {})).toThrow(UnknownEventError);
  }
});

test('says so when a step is missing', () => {
  expect(() => upcaster({ a: 2 }, {})('a', 1, {})).toThrow('no step from version 1');
});

test('every real type can be read at each of its versions', () => {
  for (const [type, { version }] of Object.entries(eventTypes)) {
    for (let from = 1; from <= version; from += 1) {
      expect(() => upcast(type as EventType, from, {})).not.toThrow();
    }
    expect(() => upcast(type as EventType, version + 1, {})).toThrow(UnknownEventError);
  }
});
