import { formatBytes, formatCount, formatDuration, formatMetric, formatTime, plural, shortHash } from './formatting.js';

test.each([
  [1.085_712_3, '1.0857'],
  [0.0412, '0.0412'],
  [0, '0'],
  [0.0002, '2e-4'],
  [-0.000_123_456_7, '-1.2346e-4'],
  [1e17, '1e17'],
  [123_456.7, '123457'],
  [12_345_678, '12,345,678'],
  [1_234_567.8, '1.2346e6'],
  ['NaN', 'NaN'],
  ['-Infinity', '-Infinity'],
  [null, '–'],
] as const)('a metric of %p reads %s', (value, text) => expect(formatMetric(value)).toBe(text));

test.each([
  [300, '300'],
  [12_345, '12,345'],
  [2.5, '2.5'],
])('a count of %p reads %s', (value, text) => expect(formatCount(value)).toBe(text));

test.each([
  [null, '–'],
  [0, '0 s'],
  [42.5, '42.5 s'],
  [59.999, '60 s'],
  [60, '1 min'],
  [11_700, '3 h 15 min'],
  [3_599.6, '1 h'],
  [90_061, '1 d 1 h'],
  [86_400, '1 d'],
])('a duration of %p seconds reads %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test.each([
  [null, '–'],
  [0, '0 B'],
  [1_023, '1020 B'],
  [812, '812 B'],
  [1_536, '1.5 KiB'],
  [1_610_612_736, '1.5 GiB'],
  [2 ** 60, '1050000 TiB'],
])('%p bytes read %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test('a time is told in the reader’s zone, with the zone, and what is no time stays as it is', () => {
  const timeZone = 'Europe/Warsaw';
  expect(formatTime('2026-01-26T10:30:05.123Z', { timeZone })).toBe('26 Jan 2026, 11:30:05 CET');
  expect(formatTime('2026-07-26T10:30:05+09:00', { timeZone })).toBe('26 Jul 2026, 03:30:05 CEST');
  expect(formatTime('2026-01-26T10:30:05Z', { timeZone, isShort: true })).toBe('26 Jan 2026, 11:30 CET');
  expect([formatTime('yesterday'), formatTime(null)]).toEqual(['yesterday', '–']);
});

test('a long hash is shortened to both its ends, a short one is not', () => {
  expect(shortHash(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('sha256:01234567…cdef');
  expect(shortHash('ab'.repeat(32))).toBe('abababab…abab');
  expect(shortHash('v2.1.0')).toBe('v2.1.0');
});

test('one thing is singular', () => {
  expect([plural(1, 'run'), plural(0, 'run'), plural(1_200, 'run')]).toEqual(['1 run', '0 runs', '1,200 runs']);
});
