import { flattenParameters } from './payloads.js';

describe('flattenParameters', () => {
  it('gives nested objects dotted names, keeps lists of scalars and writes the rest as text', () => {
    const flat = flattenParameters({
      lr: 2e-4,
      lora: { rank: 8, target: ['q', 'v'], nested: { deep: true } },
      nothing: null,
      left_out: undefined,
      empty: {},
      layers: [[1], [2]],
      when: new Date(0),
      big: 2n ** 70n,
    });
    expect(flat).toEqual({
      lr: 2e-4,
      'lora.rank': 8,
      'lora.target': ['q', 'v'],
      'lora.nested.deep': true,
      nothing: null,
      empty: '{}',
      layers: '[[1],[2]]',
      when: '"1970-01-01T00:00:00.000Z"',
      big: '1180591620717411303424',
    });
  });

  it('writes non-finite numbers as strings and survives a cycle', () => {
    const cycle: Record<string, unknown> = { beta: Infinity, list: [NaN, 1] };
    cycle['self'] = cycle;
    const flat = flattenParameters(cycle);
    expect(flat['beta']).toBe('Infinity');
    expect(flat['list']).toEqual(['NaN', 1]);
    expect(Object.keys(flat).length).toBeLessThan(100);
  });
});
