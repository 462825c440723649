import { Writable } from 'node:stream';
import { paintFor } from './paint.js';
import type { Output } from './surroundings.js';

const outputOf = (isTTY: boolean): Output => Object.assign(new Writable(), { isTTY });

test('colours what a word means on a terminal, by the word given where the text is another', () => {
  const paint = paintFor(outputOf(true));
  expect(paint('passed')).toBe('\u001b[32mpassed\u001b[39m');
  expect(paint('BLOCKED', 'blocked')).toBe('\u001b[31mBLOCKED\u001b[39m');
  expect(paint('finished')).toBe('finished');
});

test('colours nothing elsewhere', () => {
  const paint = paintFor(outputOf(false));
  expect(['passed', 'warnings', 'blocked'].map((word) => paint(word))).toEqual(['passed', 'warnings', 'blocked']);
  expect(paintFor(new Writable())('blocked')).toBe('blocked');
});
