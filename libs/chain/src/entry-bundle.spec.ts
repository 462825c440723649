import fc from 'fast-check';
import { toHex } from './bytes.js';
import { decodeEntryBundle, encodeEntryBundle } from './entry-bundle.js';

describe('entry bundles', () => {
  it('hold each entry after its length in two big-endian bytes', () => {
    expect(toHex(encodeEntryBundle([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]))).toBe(
      '000201020000000103',
    );
  });

  it('are read back', () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 10 });
    fc.assert(fc.property(entries, (all) => expect(decodeEntryBundle(encodeEntryBundle(all))).toEqual(all)));
  });

  it('take an entry of 65,535 bytes and none longer', () => {
    const longest = new Uint8Array(65_535).fill(5);
    expect(decodeEntryBundle(encodeEntryBundle([longest]))).toEqual([longest]);
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow(RangeError);
  });

  it('are refused where they are torn', () => {
    const bytes = encodeEntryBundle([Uint8Array.of(1, 2), Uint8Array.of(3)]);
    for (const length of [1, 2, 3, 5, 6])
      expect(() => decodeEntryBundle(bytes.subarray(0, length))).toThrow(RangeError);
    expect(decodeEntryBundle(bytes.subarray(0, 4))).toEqual([Uint8Array.of(1, 2)]);
  });
});
