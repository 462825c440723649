import { curveOf, type AttemptColumns } from './curve.js';

const bytes = (numbers: readonly number[]) => new Uint8Array(Float64Array.from(numbers).buffer);

/** Rows as [step, n, value]. */
const attemptOf = (attempt: string, rows: readonly (readonly [number, number, number])[]): AttemptColumns => ({
  attempt,
  steps: bytes(rows.map(([step]) => step)),
  ns: bytes(rows.map(([, n]) => n)),
  columns: [bytes(rows.map(([, , value]) => value))],
});
const order = (attempt: string) => ['first', 'second', 'third'].indexOf(attempt);
const points = (columns: readonly AttemptColumns[]) => {
  const { steps, columns: all } = curveOf(columns, order);
  return Array.from(steps, (step, index) => [step, all[0]?.[index]]);
};

describe('a curve', () => {
  it('goes by step, then n, whatever the order of arrival', () =>
    expect(
      points([
        attemptOf('first', [
          [3, 0, 30],
          [1, 1, 11],
          [1, 0, 10],
          [-2, 0, 5],
          [1.5, 0, 15],
        ]),
      ]),
    ).toEqual([
      [-2, 5],
      [1, 10],
      [1, 11],
      [1.5, 15],
      [3, 30],
    ]));

  it('shows the last attempt’s rows of a step, and the older ones where it has none', () =>
    expect(
      points([
        attemptOf('second', [
          [3, 0, 31],
          [4, 0, 41],
          [4, 1, 42],
        ]),
        attemptOf('first', [
          [1, 0, 10],
          [3, 0, 30],
          [3, 1, 33],
          [5, 0, 50],
        ]),
      ]),
    ).toEqual([
      [1, 10],
      [3, 31],
      [4, 41],
      [4, 42],
      [5, 50],
    ]));

  it('puts rows without a step last', () =>
    expect(
      points([
        attemptOf('first', [
          [NaN, 0, 1],
          [2, 0, 2],
        ]),
      ]),
    ).toEqual([
      [2, 2],
      [NaN, 1],
    ]));

  it('is empty without rows', () => expect(points([])).toEqual([]));
});
