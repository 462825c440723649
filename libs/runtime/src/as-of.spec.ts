import { parseAsOf } from './as-of.js';

describe('as_of', () => {
  it.each([
    ['0', { seq: 0 }],
    ['412', { seq: 412 }],
    ['2026-01-26T10:30:00Z', { time: new Date('2026-01-26T10:30:00Z') }],
    ['2026-01-26T11:30:00.123456789+01:00', { time: new Date('2026-01-26T10:30:00.123Z') }],
  ])('reads %s', (text, asOf) => expect(parseAsOf(text)).toEqual(asOf));

  it.each([
    '',
    '-1',
    '1.5',
    '01',
    '2026-01-26',
    '2026-13-26T10:30:00Z',
    '2026-01-26T10:30:00',
    '2026-01-26T10:30:00 01:00',
  ])('refuses "%s"', (text) =>
    expect(() => parseAsOf(text)).toThrow(expect.objectContaining({ code: 'invalid_request' })),
  );
});
