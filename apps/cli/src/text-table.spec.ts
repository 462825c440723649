import { cell, duration, plain, shortTime, textTable, WIDTH, wrap } from './text-table.js';

describe('a table', () => {
  test('has columns as wide as their widest cell, and no spaces at the ends of its lines', () => {
    expect(
      textTable(
        ['A', 'LONG', 'C'],
        [
          ['wide cell', 'x', ''],
          ['b', 'y', 'c'],
        ],
      ),
    ).toBe('A          LONG  C\nwide cell  x\nb          y     c');
  });

  test('takes colours for nothing when it measures', () => {
    const [plainLine, colored] = [
      ['ok', 'next'],
      ['\u001b[32mok\u001b[39m', 'next'],
    ];
    const lines = textTable(['STATE', ''], [plainLine, colored]).split('\n');
    expect(lines[2]?.replace(/\u001b\[\d+m/g, '')).toBe(lines[1]);
  });

  test('counts characters, not UTF-16 units', () => {
    expect(textTable(['A', 'B'], [['𝛼𝛽𝛾', 'x']])).toBe('A    B\n𝛼𝛽𝛾  x');
  });
});

describe('a cell', () => {
  test.each([
    [null, '-'],
    [undefined, '-'],
    ['', '-'],
    [0, '0'],
    [339, '339'],
    [2.950156402587891, '2.95016'],
    [0.00000569778123, '0.00000569778'],
    [1e17, '100000000000000000'],
    [1.5e300, '1.5e+300'],
    ['NaN', 'NaN'],
  ] as const)('shows %j as %s', (value, text) => {
    expect(cell(value)).toBe(text);
  });

  test('cuts long text and says so', () => {
    expect(cell('abcdef', 4)).toBe('abc…');
    expect(cell('abcd', 4)).toBe('abcd');
  });
});

test('somebody else’s text neither steers the terminal nor breaks a line nor turns its reading', () => {
  expect(plain('a\u001b[2Jb\r\nc\u009bd\u202ee\u2028f')).toBe('a [2Jb c d e f');
});

test.each([
  ['2026-01-26T10:30:00.123456Z', '2026-01-26 10:30:00Z'],
  ['2026-01-26T10:30:00+02:00', '2026-01-26 10:30:00+02:00'],
  ['yesterday', 'yesterday'],
  [null, '-'],
])('the time %s is shown as %s', (time, text) => {
  expect(shortTime(time)).toBe(text);
});

test.each([
  [0, '0 s'],
  [6.504, '6.5 s'],
  [59.94, '59.9 s'],
  [60, '1 min 00 s'],
  [252, '4 min 12 s'],
  [3_599.9, '1 h 00 min'],
  [11_220, '3 h 07 min'],
  [187_200, '2 d 04 h'],
  [-3, '-3 s'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

describe('prose', () => {
  const words = Array.from({ length: 60 }, (_, index) => `word${index}`).join(' ');

  test('is broken between words, before the line is too long', () => {
    const lines = wrap(words, '   ').split('\n');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(WIDTH);
    for (const [index, line] of lines.slice(0, -1).entries()) {
      const next = lines[index + 1]?.trim().split(' ')[0] ?? '';
      expect(line.length + 1 + next.length).toBeGreaterThan(WIDTH);
    }
    expect(lines.map((line) => line.slice(3)).join(' ')).toBe(words);
  });

  test('keeps a word that is longer than a line whole', () => {
    const long = 'x'.repeat(150);
    expect(wrap(`a ${long} b`, '  ')).toBe(`  a\n  ${long}\n  b`);
  });

  test('is one empty line where there is none', () => {
    expect(wrap('', '  ')).toBe('  ');
  });
});
