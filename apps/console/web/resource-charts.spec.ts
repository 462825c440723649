import type { ResourceCurve } from './answers.js';
import { resourceChartsOf } from './resource-charts.js';

const GIB = 2 ** 30;
const curve = (metric: string, gpu: number | null, points: ResourceCurve['points'], host = 'a'): ResourceCurve => ({
  ...{ host, gpu, metric, points, total: points.length, isSampled: false },
});

test('GPUs share a chart over the minutes since the first sample, in units that people read', () => {
  const curves = [
    curve('memory_used_bytes', 0, [
      [60_000, 40 * GIB],
      [120_000, null],
      [null, GIB],
    ]),
    curve('memory_used_bytes', 1, [[90_000, 8 * GIB]]),
  ];
  const [memory, ...others] = resourceChartsOf({ firstMs: 60_000, samples: 3, curves });
  expect(others).toEqual([]);
  expect(memory).toMatchObject({ title: 'GPU memory', unit: 'GiB', axis: 'minute', steps: [0, 0.5, 1], total: 4 });
  // A gap breaks the line; where another GPU was sampled it goes on.
  expect(memory?.curves.map(({ label, heights }) => [label, heights])).toEqual([
    ['GPU 0', [40, undefined, null]],
    ['GPU 1', [undefined, 8, undefined]],
  ]);
});

test('a reading of 0 is no gap, and hosts are named where there are several', () => {
  const curves = [curve('cpu_percent', null, [[0, 0]]), curve('cpu_percent', null, [[0, 5]], 'b')];
  const [cpu] = resourceChartsOf({ firstMs: 0, samples: 2, curves });
  expect(cpu?.curves.map(({ label, values }) => [label, values])).toEqual([
    ['a: all cores', [0]],
    ['b: all cores', [5]],
  ]);
});

test('samples whose time nobody told make no chart', () => {
  expect(resourceChartsOf({ firstMs: null, samples: 1, curves: [curve('cpu_percent', null, [[null, 5]])] })).toEqual(
    [],
  );
});
