import fc from 'fast-check';
import { fromUtf8 } from './bytes.js';
import { manifestBytes } from './manifest.js';

const digest = '0'.repeat(64);
const entry = (path: string, size = 1) => ({ path, sha256: digest, size });

describe('manifestBytes', () => {
  it('sorts by the UTF-8 bytes of the path, which is not the order of JavaScript strings', () => {
    const paths = ['\u{1f600}', '\uff5e', 'b/a', 'a', 'b', 'B'];
    const lines = fromUtf8(manifestBytes(paths.map((path) => entry(path)))).split('\n');
    expect(lines[0]).toBe('runseal.manifest.v1');
    expect(lines.slice(1, -1).map((line) => (JSON.parse(line) as { path: string }).path)).toEqual([
      'B',
      'a',
      'b',
      'b/a',
      '\uff5e',
      '\u{1f600}',
    ]);
    expect(lines.at(-1)).toBe('');
  });

  it('does not depend on the order of the entries, and does on each of their members', () => {
    const paths = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}(\/[a-z]{1,3})?$/), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(paths, (all) => {
        const entries = all.map((path, size) => entry(path, size));
        const bytes = manifestBytes(entries);
        expect(manifestBytes([...entries].reverse())).toEqual(bytes);
        expect(manifestBytes(entries.map((one) => ({ ...one, size: one.size + 1 })))).not.toEqual(bytes);
      }),
    );
  });

  it('of an empty folder is the first line alone', () => {
    expect(fromUtf8(manifestBytes([]))).toBe('runseal.manifest.v1\n');
  });

  it('keeps a path as it is spelled, not normalised', () => {
    expect(manifestBytes([entry('e\u0301')])).not.toEqual(manifestBytes([entry('\u00e9')]));
  });

  it.each(['', '/a', 'a/', 'a//b', './a', 'a/../b', '..', '\ud800'])('refuses the path %p', (path) => {
    expect(() => manifestBytes([entry(path)])).toThrow(TypeError);
  });

  it('refuses a path given twice, a digest in capitals and a size that is no count', () => {
    expect(() => manifestBytes([entry('a'), entry('a', 2)])).toThrow('stands twice');
    expect(() => manifestBytes([{ ...entry('a'), sha256: 'A'.repeat(64) }])).toThrow(TypeError);
    expect(() => manifestBytes([entry('a', -1)])).toThrow(TypeError);
  });
});
