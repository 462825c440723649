import fc from 'fast-check';
import { countNonfinite, downsample } from './downsample.js';

const values = fc.array(fc.oneof({ weight: 20, arbitrary: fc.double() }, fc.constantFrom(NaN, Infinity, -Infinity)), {
  minLength: 1,
  maxLength: 3_000,
});

describe('points to show', () => {
  it('are all where there are few enough', () => expect(downsample([3, NaN, 1], 3)).toEqual([0, 1, 2]));

  it('are never more than asked for, ascend, and hold first, last, least and greatest', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 10, max: 500 }), (all, points) => {
        const kept = downsample(all, points);
        expect(kept.length).toBeLessThanOrEqual(points);
        expect(new Set(kept).size).toBe(kept.length);
        expect(kept).toEqual([...kept].sort((left, right) => left - right));
        expect([kept[0], kept.at(-1)]).toEqual([0, all.length - 1]);
        const shown = kept.map((index) => all[index] as number);
        const finite = (of: number[]) => of.filter(Number.isFinite);
        if (finite(all).length > 0) {
          expect(Math.min(...finite(shown))).toBe(Math.min(...finite(all)));
          expect(Math.max(...finite(shown))).toBe(Math.max(...finite(all)));
        }
        if (countNonfinite(all) > 0) expect(countNonfinite(shown)).toBeGreaterThan(0);
      }),
    );
  });

  it('hold every non-finite value where these are few', () => {
    const all = Array.from({ length: 100_000 }, (_, index) => (index % 1_000 === 7 ? NaN : index));
    expect(downsample(all, 1_000).filter((index) => Number.isNaN(all[index] as number))).toHaveLength(100);
  });

  it('show where a dead run begins and ends', () => {
    const all = Array.from({ length: 10_000 }, (_, index) => (index >= 2_500 ? NaN : 1));
    const dead = downsample(all, 1_000).filter((index) => Number.isNaN(all[index] as number));
    expect([dead[0], dead.at(-1)]).toEqual([2_500, 9_999]);
  });
});
