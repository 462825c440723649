import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { toHex, toUtf8 } from './bytes.js';
import { sha256 } from './node.js';
import { GENESIS_HASH, leafBytes, parseLeaf, payloadDigest, recordHash } from './record.js';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const anyLeaf = fc.record({
  seq: fc.maxSafeNat(),
  streamPrev: fc.option(fc.maxSafeNat()),
  prevHash: bytes32,
  payloadDigest: bytes32,
  envelope: fc.uint8Array({ maxLength: 300 }),
});

describe('payloadDigest', () => {
  it('is SHA-256 of tag, LF, salt and payload', () => {
    const salt = new Uint8Array(32).fill(7);
    const expected = createHash('sha256').update('runseal.payload.v1\n').update(salt).update('{"a":1}').digest('hex');
    expect(toHex(payloadDigest(sha256, salt, toUtf8('{"a":1}')))).toBe(expected);
  });

  it.each([0, 31, 33])('refuses a salt of %d bytes', (length) => {
    expect(() => payloadDigest(sha256, new Uint8Array(length), toUtf8('{}'))).toThrow(RangeError);
  });
});

describe('leafBytes', () => {
  it('lays seq and stream_prev down as 8 big-endian bytes, all ones where there is none', () => {
    const leaf = leafBytes({
      seq: 2 ** 53 - 1,
      streamPrev: null,
      prevHash: GENESIS_HASH,
      payloadDigest: new Uint8Array(32).fill(1),
      envelope: toUtf8('{}'),
    });
    const header = '001fffffffffffff' + 'ff'.repeat(8) + '00'.repeat(32) + '01'.repeat(32);
    expect(toHex(leaf)).toBe(toHex(toUtf8('runseal.record.v1\n')) + header + toHex(toUtf8('{}')));
  });

  it('is read back by parseLeaf', () => {
    fc.assert(fc.property(anyLeaf, (leaf) => expect(parseLeaf(leafBytes(leaf))).toEqual(leaf)));
  });

  it.each([-1, 1.5, 2 ** 53, NaN])('refuses seq %d', (seq) => {
    const rest = { prevHash: GENESIS_HASH, payloadDigest: GENESIS_HASH, envelope: toUtf8('{}') };
    expect(() => leafBytes({ seq, streamPrev: null, ...rest })).toThrow(RangeError);
    expect(() => leafBytes({ seq: 5, streamPrev: seq, ...rest })).toThrow(RangeError);
  });

  it('refuses hashes of another length', () => {
    const leaf = {
      seq: 0,
      streamPrev: null,
      prevHash: GENESIS_HASH,
      payloadDigest: GENESIS_HASH,
      envelope: toUtf8(''),
    };
    expect(() => leafBytes({ ...leaf, prevHash: new Uint8Array(31) })).toThrow('prev_hash has 31 bytes');
    expect(() => leafBytes({ ...leaf, payloadDigest: new Uint8Array(33) })).toThrow('payload_digest has 33 bytes');
  });
});

describe('recordHash', () => {
  it('is SHA-256 of a zero byte and the leaf', () => {
    const expected = createHash('sha256')
      .update(Buffer.from([0]))
      .update('leaf')
      .digest('hex');
    expect(toHex(recordHash(sha256, toUtf8('leaf')))).toBe(expected);
  });
});
