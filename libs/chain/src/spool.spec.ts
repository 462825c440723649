import fc from 'fast-check';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { concatBytes, toHex, toUtf8 } from './bytes.js';
import { crc32, decodeSpoolSegment, encodeSpoolEntry } from './spool.js';

describe('crc32', () => {
  it('has the published check value', () => expect(crc32(toUtf8('123456789'))).toBe(0xcbf4_3926));

  it('is the one of zlib', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => expect(crc32(bytes)).toBe(zlibCrc32(bytes))));
  });
});

describe('spool segments', () => {
  const anyBodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 6 });

  it('hold length, CRC and body of each entry', () => {
    expect(toHex(encodeSpoolEntry(toUtf8('123456789')))).toBe('00000009cbf43926' + toHex(toUtf8('123456789')));
  });

  it('are read back whole', () => {
    fc.assert(
      fc.property(anyBodies, (bodies) => {
        const bytes = concatBytes(...bodies.map(encodeSpoolEntry));
        expect(decodeSpoolSegment(bytes)).toEqual({ bodies, soundLength: bytes.length, end: 'clean' });
      }),
    );
  });

  it('cut anywhere give the entries before the cut and say that the tail is torn', () => {
    fc.assert(
      fc.property(anyBodies, fc.nat(), (bodies, any) => {
        const entries = bodies.map(encodeSpoolEntry);
        const bytes = concatBytes(...entries);
        const length = any % (bytes.length + 1);
        const { bodies: read, soundLength, end } = decodeSpoolSegment(bytes.subarray(0, length));
        expect(read).toEqual(bodies.slice(0, read.length));
        expect(soundLength).toBe(concatBytes(...entries.slice(0, read.length)).length);
        expect(end).toBe(soundLength === length ? 'clean' : 'torn');
        expect(length - soundLength).toBeLessThan(entries[read.length]?.length ?? 1);
      }),
    );
  });

  it('with a changed byte give the entries before it and nothing behind', () => {
    const entries = ['one', 'two', 'three'].map((text) => encodeSpoolEntry(toUtf8(text)));
    const bytes = concatBytes(...entries);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
      const { bodies, end } = decodeSpoolSegment(changed);
      expect(bodies.length).toBe(at < 11 ? 0 : at < 22 ? 1 : 2);
      expect(end).not.toBe('clean');
    }
  });

  it('end where zeros begin, as a power cut leaves them, and hold no empty entry', () => {
    const entry = encodeSpoolEntry(toUtf8('one'));
    const read = decodeSpoolSegment(concatBytes(entry, new Uint8Array(16)));
    expect(read).toEqual({ bodies: [toUtf8('one')], soundLength: entry.length, end: 'corrupt' });
    expect(() => encodeSpoolEntry(new Uint8Array(0))).toThrow(RangeError);
  });

  it('are read from a view into larger bytes', () => {
    const bytes = concatBytes(Uint8Array.of(9, 9, 9), encodeSpoolEntry(toUtf8('one')));
    expect(decodeSpoolSegment(bytes.subarray(3)).bodies).toEqual([toUtf8('one')]);
  });
});
