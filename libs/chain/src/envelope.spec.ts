import fc from 'fast-check';
import { fromUtf8, toUtf8 } from './bytes.js';
import { envelopeBytes, parseEnvelope, readStream, type Envelope } from './envelope.js';

const envelope: Envelope = {
  version: 1,
  type: 'run.started',
  stream: 'run/01920000-0000-7000-8000-000000000001',
  sealed_at: '2026-01-26T10:30:00.123Z',
  producer: { seq: 0, id: '6f1c0000-0000-4000-8000-000000000001', client: 'runseal-js/0.1.0' },
  occurred_at: '2026-01-26T11:30:00+01:00',
  id: '01920000-0000-7000-8000-000000000002',
  class: 'permanent',
  actor: 'p_é"',
};
const text = fromUtf8(envelopeBytes(envelope));

describe('envelopeBytes', () => {
  it('is canonical whatever order the members came in, and is read back', () => {
    expect(text.startsWith('{"actor":"p_é\\"","class":"permanent","id":')).toBe(true);
    expect(parseEnvelope(text)).toEqual(envelope);
  });

  it('takes an event without producer and without time', () => {
    const bare = { ...envelope, producer: null, occurred_at: null };
    expect(parseEnvelope(fromUtf8(envelopeBytes(bare)))).toEqual(bare);
  });

  it.each([
    ['a member too many', { ...envelope, payload: {} }],
    ['a member too few', { ...envelope, actor: undefined }],
    ['an unknown class', { ...envelope, class: 'secret' }],
    ['a version that is text', { ...envelope, version: '1' }],
    ['a producer with a member too many', { ...envelope, producer: { ...envelope.producer, host: 'x' } }],
    ['a counter of 2^53', { ...envelope, producer: { ...envelope.producer, seq: 2 ** 53 } }],
    ['a lone surrogate', { ...envelope, actor: '\ud800' }],
  ])('refuses %s', (_, wrong) => {
    expect(() => envelopeBytes(wrong as unknown as Envelope)).toThrow(TypeError);
  });
});

describe('parseEnvelope', () => {
  it.each([
    ['a space', text.replace(':', ': ')],
    ['a doubled member', text.replace('{"actor"', '{"actor":"p_x","actor"')],
    ['members in another order', text.replace('"version":1}', '"a":1}').replace('{', '{"version":1,')],
    ['a needless escape', text.replace('run.started', 'run\\u002estarted')],
    ['an escaped lone surrogate', text.replace('é', '\\ud800')],
    ['a number written otherwise', text.replace('"version":1', '"version":1.0')],
    ['a byte order mark', `\ufeff${text}`],
    ['trailing bytes', `${text}\n`],
    ['no object', 'null'],
    ['no JSON', '{'],
  ])('refuses %s', (_, wrong) => {
    expect(wrong).not.toBe(text);
    expect(() => parseEnvelope(wrong)).toThrow(TypeError);
  });

  it('takes exactly the stored text', () => {
    expect(toUtf8(text)).toEqual(envelopeBytes(parseEnvelope(text)));
  });
});

describe('readStream', () => {
  const mostly = <T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 19, arbitrary: usual }, { weight: 1, arbitrary: rare });
  const anyText = mostly(
    fc.oneof(fc.string(), fc.string({ unit: 'binary' })),
    fc.constantFrom('\u007f\u2028', '\ud800'),
  );
  const anyCount = mostly(fc.maxSafeNat(), fc.constantFrom(-1, 0.5, 2 ** 53, 1e16));
  const anyEnvelope = fc.record({
    actor: anyText,
    class: mostly(fc.constantFrom('permanent', 'metrics', 'telemetry', 'logs'), fc.constant('secret')),
    id: anyText,
    occurred_at: fc.option(anyText),
    producer: fc.option(fc.record({ client: anyText, id: anyText, seq: anyCount })),
    sealed_at: anyText,
    stream: anyText,
    type: anyText,
    version: anyCount,
  });
  const verdictOf = (candidate: string) => {
    try {
      const { stream, class: retention } = parseEnvelope(candidate);
      return { stream, class: retention };
    } catch {
      return null;
    }
  };

  it('accepts what parseEnvelope accepts and nothing else', () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        anyEnvelope,
        fc.nat(),
        fc.constantFrom('', ' ', '0', '"', '\\', ',', 'e', '\u0001'),
        (any, at, extra) => {
          const whole = JSON.stringify(any);
          const place = at % (whole.length + 1);
          for (const candidate of [whole, whole.slice(0, place) + extra + whole.slice(place), whole.slice(0, place)]) {
            const verdict = verdictOf(candidate);
            if (verdict !== null) accepted += 1;
            const found = readStream(candidate);
            expect(found === null ? null : { stream: found.stream, class: found.class }).toEqual(verdict);
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(50);
  });
});
