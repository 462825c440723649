import fc from 'fast-check';
import {
  addRows,
  bestEvaluation,
  evaluationAt,
  faultsOfRows,
  newRunRows,
  rowsLimits,
  type LoggedRow,
  type RunRows,
} from './run-rows.js';
import { row } from './run.fixture.js';

const add = (rows: RunRows, seq: number, attempt: string, ...logged: LoggedRow[]) =>
  addRows(rows, { seq, attempt, rows: logged });

it('finds the first and last loss row by step, then n, whatever order they come in', () => {
  let rows = add(newRunRows(), 5, 'a', row('train', 20, { loss: 1 }), row('train', 30, { loss: 0.5 }, 1));
  rows = add(rows, 6, 'a', row('train', 10, { loss: 'NaN' }), row('train', 30, { loss: 0.7 }));
  rows = add(rows, 7, 'a', row('train', 40, { grad_norm: 1 }), row('summary', null, { train_loss: 9 }));
  expect(rows.attempts).toEqual([
    {
      ...{ attempt: 'a', rows: 6, loss_rows: 4, evaluation_rows: 0 },
      first_loss: { step: 10, n: 0, value: 'NaN', seq: 6 },
      last_loss: { step: 30, n: 1, value: 0.5, seq: 5 },
    },
  ]);
});

it('takes train_loss of a training row for loss, and never that of a summary', () => {
  const rows = add(
    newRunRows(),
    1,
    'a',
    row('train', 1, { train_loss: 3 }),
    row('summary', 9, { train_loss: 0.1, loss: 0.1 }),
  );
  expect(rows.attempts[0]).toMatchObject({ loss_rows: 1, last_loss: { value: 3 } });
});

it('keeps attempts apart, and finds the first of two evaluations at one step unless told which', () => {
  let rows = add(newRunRows(), 2, 'b', row('eval', 100, { eval_loss: 0.4 }, 1), row('eval', 100, { eval_loss: 0.5 }));
  rows = add(rows, 3, 'a', row('eval', 100, { loss: 0.3 }), row('train', 50, { loss: 1, eval_loss: 'NaN' }));
  expect(evaluationAt(rows, { attempt: 'b', step: 100 })).toMatchObject({ value: 0.5, n: 0, seq: 2 });
  expect(evaluationAt(rows, { attempt: 'b', step: 100, n: 1 })).toMatchObject({ value: 0.4 });
  expect(evaluationAt(rows, { attempt: 'a', step: 100 })).toMatchObject({ value: 0.3, seq: 3 });
  expect(evaluationAt(rows, { attempt: 'a', step: 99 })).toBeNull();
  expect(bestEvaluation(rows.evaluations)).toMatchObject({ value: 0.3, attempt: 'a' });
});

it('keeps the evaluations of the highest steps and counts the rest', () => {
  const evaluations = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => row('eval', from + index, { eval_loss: 1 }));
  const rows = add(newRunRows(), 1, 'a', ...evaluations(0, rowsLimits.evaluations));
  const more = add(rows, 2, 'a', ...evaluations(rowsLimits.evaluations, rowsLimits.evaluations + 3));
  expect(more.evaluations).toHaveLength(rowsLimits.evaluations);
  expect(more.evaluations[0]?.step).toBe(3);
  expect(faultsOfRows(rows)).toEqual([]);
  expect(faultsOfRows(more)).toMatchObject([{ kind: 'limit_reached', subject: 'evaluation rows', count: 3, seq: 2 }]);
  expect([more.evaluations_left_out, more.attempts[0]?.evaluation_rows]).toEqual([3, rowsLimits.evaluations + 3]);
});

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom('NaN' as const, 'Infinity' as const),
);
const someRow = fc
  .record({
    ...{ attempt: fc.constantFrom('a', 'b'), kind: fc.constantFrom('train', 'eval', 'summary') },
    ...{
      step: fc.integer({ min: -2, max: 5 }),
      n: fc.nat(2),
      key: fc.constantFrom('loss', 'eval_loss', 'train_loss', 'other'),
    },
    value,
  })
  .map(({ attempt, kind, step, n, key, value: found }) => ({
    attempt,
    row: row(kind as LoggedRow['kind'], step, { [key]: found } as never, n),
  }));

it('amounts to the same in whatever order and pieces rows come', () => {
  const keyOf = ({ attempt, row: { kind, step, n } }: { attempt: string; row: LoggedRow }) =>
    `${attempt} ${kind} ${step} ${n}`;
  const rows = fc.uniqueArray(someRow, { selector: keyOf, maxLength: 30 });
  fc.assert(
    fc.property(
      rows.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
      ([list, shuffled]) => {
        const feed = (items: typeof list) =>
          items.reduce((sum, item) => add(sum, list.indexOf(item), item.attempt, item.row), newRunRows());
        expect(feed(shuffled)).toEqual(feed(list));
      },
    ),
  );
});
