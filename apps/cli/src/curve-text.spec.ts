import { curveText } from './curve-text.js';

test('draws a falling curve from full to low', () => {
  expect(curveText([8, 7, 6, 5, 4, 3, 2, 1])).toBe('█▇▆▅▄▃▂▁');
});

test('draws parts of a long curve by their means', () => {
  expect(curveText([4, 4, 4, 4, 1, 1, 1, 1], 2)).toBe('█▁');
});

test('marks a part that holds what is no number', () => {
  expect(curveText([3, 'NaN', 1])).toBe('█×▁');
  expect(curveText(['Infinity', '-Infinity'])).toBe('××');
});

test('draws a curve that never moves as full', () => {
  expect(curveText([2, 2, 2])).toBe('███');
  expect(curveText([0, 0])).toBe('██');
  // The means of 12 and of 13 of these differ in their last bit.
  expect(curveText(Array<number>(400).fill(0.001))).toBe('█'.repeat(32));
});

test('draws nothing where there is nothing', () => {
  expect(curveText([])).toBe('');
});
