import fc from 'fast-check';
import {
  derivedEventInput,
  derivedId,
  importedEventInput,
  importedRunInput,
  type DerivedEventSource,
} from './derived-id.js';
import { sha256 } from './node.js';

const source: DerivedEventSource = {
  type: 'run.gates-evaluated',
  stream: 'run/019bf9da-6cbb-7acb-a255-12100f80b56f',
  rule: 'gates',
  trigger: '1'.repeat(64),
  policy: '2'.repeat(64),
  engine: '1.0.0',
  labels: {},
};
const idOf = (more: Partial<DerivedEventSource> = {}) =>
  derivedId(2, derivedEventInput({ ...source, ...more }), sha256);

describe('derivedId', () => {
  it('is a UUID of version 8 and variant 10 that begins with the role, whatever the input', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 3, 4), fc.jsonValue(), (role, input) => {
        const id = derivedId(role as 1, input as string, sha256);
        expect(id).toMatch(new RegExp(`^0${role}[0-9a-f]{6}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`));
      }),
    );
  });

  it('is the same for the same input, however its members are ordered', () => {
    expect(idOf({ labels: { a: 1, b: 2 } })).toBe(idOf({ labels: { b: 2, a: 1 } }));
  });

  it.each([
    { type: 'run.alert-raised' },
    { stream: 'run/019bf9da-6cbb-7acb-a255-12100f80b570' },
    { rule: 'nonfinite' },
    { trigger: '3'.repeat(64) },
    { policy: null },
    { engine: '1.0.1' },
    { labels: { metric: 'loss' } },
  ])('is another one where %p differs', (difference) => {
    expect(idOf(difference)).not.toBe(idOf());
  });

  it('refuses what JSON cannot say', () => {
    expect(() => idOf({ labels: [NaN] })).toThrow(TypeError);
  });
});

it('an imported event has another id where its run, type, stream or payload differ', () => {
  const parts: [string, string, string, string] = ['run', 'artifact.registered', 'artifact/sha256:00', 'ff'];
  const ids = parts.map((_, index) =>
    derivedId(1, importedEventInput(...(parts.with(index, 'x') as [string, string, string, string])), sha256),
  );
  expect(new Set([...ids, derivedId(1, importedEventInput(...parts), sha256)]).size).toBe(5);
});

it('an imported run has another id where its principal, first row or configuration differ', () => {
  const ids = [
    ['p_a', 'sha256:1', 'sha256:2'],
    ['p_b', 'sha256:1', 'sha256:2'],
    ['p_a', null, 'sha256:2'],
    ['p_a', 'sha256:1', null],
  ].map(([principal, first, config]) =>
    derivedId(1, importedRunInput(principal as string, first ?? null, config ?? null), sha256),
  );
  expect(new Set(ids).size).toBe(4);
});
