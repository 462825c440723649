import fc from 'fast-check';
import { formatTlogProof, parseTlogProof } from './tlog-proof.js';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const headNote = 'lab/default/0\n9\nAAAA\n\n— lab/default/0 AAAAAAAA\n';
const zeros = 'A'.repeat(43) + '=';
const text = `c2sp.org/tlog-proof@v1\nindex 8\n${zeros}\n\n${headNote}`;

describe('tlog-proof files', () => {
  it('hold version, index, hashes, an empty line and the head as it is', () => {
    expect(formatTlogProof({ index: 8, path: [new Uint8Array(32)], headNote })).toBe(text);
    expect(parseTlogProof(text)).toEqual({ index: 8, path: [new Uint8Array(32)], headNote });
  });

  it('are read back, with extra data or without, with a path or without', () => {
    const proof = fc.record(
      {
        index: fc.maxSafeNat(),
        path: fc.array(bytes32, { maxLength: 53 }),
        headNote: fc.constant(headNote),
        extra: fc.uint8Array({ maxLength: 40 }),
      },
      { requiredKeys: ['index', 'path', 'headNote'] },
    );
    fc.assert(fc.property(proof, (any) => expect(parseTlogProof(formatTlogProof(any))).toEqual(any)));
  });

  it.each([
    ['another version', text.replace('@v1', '@v2')],
    ['no index', text.replace('index 8\n', '')],
    ['a leading zero', text.replace('index 8', 'index 08')],
    ['an index of 2^53', text.replace('index 8', 'index 9007199254740992')],
    ['extra data after the index', text.replace('index 8', 'index 8\nextra AAAA')],
    ['extra data twice', text.replace('index 8', 'extra AAAA\nextra AAAA\nindex 8')],
    ['a short hash', text.replace(zeros, 'AAAA')],
    ['a hash that is not base64', text.replace(zeros, zeros.replace('A', '*'))],
    ['more hashes than any tree has', text.replace(zeros, Array(54).fill(zeros).join('\n'))],
    ['no head', text.slice(0, text.indexOf('\n\n'))],
    ['nothing', ''],
  ])('are refused with %s', (_, wrong) => expect(() => parseTlogProof(wrong)).toThrow(TypeError));
});
