import type { Series } from './answers.js';
import { chartsOf, summaryOf } from './chart-data.js';

const series = (key: string, kind: string, points: Series['points'], more: Partial<Series> = {}): Series => ({
  key,
  kind,
  points,
  total: points.length,
  isSampled: false,
  ...more,
});

test('loss and eval_loss share a chart, aligned by step, the trainer’s rows first', () => {
  const [chart] = chartsOf([
    series('eval_loss', 'eval', [[20, 1.5]]),
    series('loss', 'train', [
      [10, 2],
      [20, 1],
    ]),
  ]);
  expect(chart).toMatchObject({ title: 'loss', unit: 'nats', steps: [10, 20], shown: 3, total: 3, nonfinite: [] });
  expect(chart?.curves).toEqual([
    { label: 'loss', kind: 'train', values: [2, 1], heights: [2, 1] },
    { label: 'eval_loss', kind: 'eval', values: [undefined, 1.5], heights: [undefined, 1.5] },
  ]);
});

test('what is no number breaks the curve, and is named', () => {
  const [chart] = chartsOf([
    series('grad_norm', 'train', [
      [1, 0.5],
      [2, 'NaN'],
      [3, '-Infinity'],
    ]),
  ]);
  expect(chart?.curves[0]?.heights).toEqual([0.5, null, null]);
  expect(chart?.nonfinite).toEqual([
    { step: 2, curve: 'grad_norm', value: 'NaN' },
    { step: 3, curve: 'grad_norm', value: '-Infinity' },
  ]);
});

test('of two rows of one step the later one stands', () => {
  const [chart] = chartsOf([
    series('eval_loss', 'eval', [
      [300, 1.4],
      [300, 1.2],
    ]),
  ]);
  expect([chart?.steps, chart?.curves[0]?.values, chart?.shown]).toEqual([[300], [1.2], 2]);
});

test('the same metric of two kinds is two curves with two names', () => {
  const [chart] = chartsOf([series('loss', 'eval', [[1, 3]]), series('loss', 'train', [[1, 2]])]);
  expect(chart?.curves.map(({ label }) => label)).toEqual(['loss (train)', 'loss (eval)']);
});

test('charts come in the order in which people look at them', () => {
  const keys = ['zeta', 'epoch', 'eval_runtime', 'alpha', 'learning_rate', 'eval_loss', 'grad_norm'];
  expect(chartsOf(keys.map((key) => series(key, 'train', [[1, 1]]))).map(({ title }) => title)).toEqual([
    'loss',
    'grad_norm',
    'learning_rate',
    'alpha',
    'zeta',
    'epoch',
    'eval_runtime',
  ]);
});

test('a chart says how much of it is shown', () => {
  const [chart] = chartsOf([series('loss', 'train', [[1, 2]], { total: 84_300, isSampled: true })]);
  expect(chart).toMatchObject({ shown: 1, total: 84_300, isSampled: true });
});

test('what the trainer reported at the end is no curve', () => {
  const summary = [series('train_loss', 'summary', [[null, 1.397]])];
  expect([chartsOf(summary), summaryOf(summary)]).toEqual([[], [{ key: 'train_loss', value: 1.397 }]]);
});
