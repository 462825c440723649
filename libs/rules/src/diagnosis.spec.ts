import { diagnose, type CurvePoint } from './diagnosis.js';

const points = (...values: (number | string)[]): CurvePoint[] =>
  values.map((value, index) => ({ step: 10 * (index + 1), value: value as number }));
const falling = points(...Array.from({ length: 20 }, (_, index) => 3 * 0.9 ** index));

it('sees the document’s healthy curve converge', () => {
  // ████████▄▄▄▃▃▂▂▁▁▁: median of the first two of 20 is 2.85, of the last four 3 x (0.9^17 + 0.9^18) / 2 = 0.4753
  expect(diagnose(falling, [])).toEqual({
    ...{ diagnosis: 'converging', since_step: null, sentence: 'loss falls from 2.85 to 0.4753.' },
  });
});

it('sees a curve that does not fall as underfitting', () => {
  const flat = points(...Array.from({ length: 20 }, (_, index) => 2 + 0.01 * (index % 2)));
  expect(diagnose(flat, [])).toMatchObject({ diagnosis: 'underfitting' });
  // At 0.98 of the start it stands still, just below it falls.
  expect(diagnose(points(1, 1, 1, 1, 1, 1, 1, 1, 0.98, 0.98), []).diagnosis).toBe('underfitting');
  expect(diagnose(points(1, 1, 1, 1, 1, 1, 1, 1, 0.979, 0.979), []).diagnosis).toBe('converging');
});

it('sees a curve that jumps up and down as unstable, also where it falls on the whole', () => {
  // █▄█▃█▄█▂: around its mean of 1.5 by 1, two thirds of it, and it turns at every row
  const jumping = points(...Array.from({ length: 20 }, (_, index) => (index % 2 ? 0.5 : 2.5) - 0.01 * index));
  expect(diagnose(jumping, [])).toMatchObject({ diagnosis: 'unstable' });
  const nearZero = jumping.map(({ step, value }) => ({ step, value: Number(value) / 20 }));
  expect(diagnose(nearZero, []).diagnosis).not.toBe('unstable');
});

it.each([
  ['a loss that is no number', [...falling.slice(0, 8), { step: 90, value: 'NaN' as const }], []],
  ['a loss of exactly 0', [...falling.slice(0, 8), { step: 90, value: 0 }], []],
  ['a gradient that is no number', [...falling.slice(0, 8), { step: 90, value: 1, grad_norm: 'NaN' as const }], []],
  ['an evaluation that is no number', falling, [{ step: 90, value: 'Infinity' as const }]],
  ['three gradients of exactly 0 in a row', [70, 80, 90].map((step) => ({ step, value: 5.9506, grad_norm: 0 })), []],
])('sees %s as broken', (_, loss, evaluations) => {
  expect(diagnose(loss, evaluations)).toMatchObject({ diagnosis: 'broken', since_step: 90 });
});

it('takes a loss rounded to 0 for one where its gradient is above 0', () => {
  const rounded = falling.map((point, index) => (index === 19 ? { ...point, value: 0, grad_norm: 0.001 } : point));
  expect(diagnose(rounded, []).diagnosis).toBe('converging');
});

describe('overfitting', () => {
  // The document's picture: eval_loss falls, then rises while the loss goes on falling. Best is 1.0 at step 30.
  const evaluations = (...last: number[]) => points(2, 1.5, 1, ...last);

  it('is seen after three evaluations 2 % above the best, which it names', () => {
    expect(diagnose(falling, evaluations(1.02, 1.1, 1.3))).toEqual({
      diagnosis: 'overfitting',
      since_step: 30,
      sentence: 'eval_loss was best at step 30 (1) and is 1.3 at step 60, while loss falls: stop at step 30.',
    });
  });

  it('is not seen after two, nor while one of the three is closer to the best', () => {
    expect(diagnose(falling, evaluations(1.2, 1.3)).diagnosis).toBe('converging');
    expect(diagnose(falling, evaluations(1.2, 1.019, 1.3)).diagnosis).toBe('converging');
  });

  it('is not seen while the loss itself does not fall', () => {
    const flat = points(...Array.from({ length: 20 }, () => 2));
    expect(diagnose(flat, evaluations(1.1, 1.2, 1.3)).diagnosis).toBe('underfitting');
  });
});

it('says that five rows are too few, and nothing about none', () => {
  expect(diagnose(points(5, 4, 3, 2, 1), [])).toMatchObject({
    diagnosis: null,
    sentence: expect.stringContaining('5'),
  });
  expect(diagnose([], []).diagnosis).toBeNull();
});
