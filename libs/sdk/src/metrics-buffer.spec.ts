import { encodeMetric, MetricsBuffer, POINTS_MAX } from './metrics-buffer.js';

describe('MetricsBuffer', () => {
  it('numbers rows from 0 within kind and step, however the steps are mixed', () => {
    const buffer = new MetricsBuffer();
    for (const [kind, step] of [
      ['train', 1],
      ['train', 2],
      ['train', 1],
      ['eval', 1],
      ['train', 1],
      ['eval', 1],
    ] as const) {
      buffer.push({ loss: 1 }, { kind, step });
    }
    expect(buffer.take().map(({ kind, step, n }) => `${kind} ${step} ${n}`)).toEqual([
      'train 1 0',
      'train 2 0',
      'train 1 1',
      'eval 1 0',
      'train 1 2',
      'eval 1 1',
    ]);
    buffer.push({ loss: 1 }, { step: 1 });
    expect(buffer.take()[0]?.n).toBe(3);
  });

  it('writes non-finite numbers as the three strings and finite ones as they are', () => {
    expect([NaN, Infinity, -Infinity, 1e17, -0, 'NaN'].map(encodeMetric)).toEqual([
      'NaN',
      'Infinity',
      '-Infinity',
      1e17,
      -0,
      'NaN',
    ]);
    expect(['2.1', null, undefined, true, 5n, {}].map(encodeMetric)).toEqual(Array(6).fill(null));
  });

  it('leaves out a value that is no number and keeps the rest of its row', () => {
    const buffer = new MetricsBuffer();
    expect(buffer.push({ loss: 2, note: 'fine' }, { step: 1 })).toBe('note is no number');
    expect(buffer.take()[0]?.values).toEqual({ loss: 2 });
  });

  it('leaves out a row without values, without a step or of an unknown kind, and says why', () => {
    const buffer = new MetricsBuffer();
    expect(buffer.push({}, { step: 1 })).toMatch(/1 to 1000 values/);
    expect(buffer.push({ loss: 1 }, {})).toMatch(/step must be a number/);
    expect(buffer.push({ loss: 1 }, { step: NaN })).toMatch(/step must be a number/);
    expect(buffer.push({ loss: 1 }, { step: 1, kind: 'test' as 'eval' })).toMatch(/kind must be/);
    expect(buffer.isEmpty).toBe(true);
    expect(buffer.push({ train_loss: 1 }, { kind: 'summary' })).toBeNull();
  });

  it('is full at 200 points, counted by value', () => {
    const buffer = new MetricsBuffer();
    for (let step = 0; step < POINTS_MAX / 2 - 1; step++) buffer.push({ loss: 1, lr: 2 }, { step });
    expect(buffer.isFull).toBe(false);
    buffer.push({ loss: 1, lr: 2 }, { step: 1000 });
    expect(buffer.isFull).toBe(true);
  });
});
