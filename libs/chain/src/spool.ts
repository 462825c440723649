const HEADER_LENGTH = 8;
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  return crc;
});

/** CRC-32 as zlib computes it (polynomial 0xEDB88320, reflected), an unsigned 32-bit integer. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] as number);
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** One spool entry: length and CRC-32 of the body as u32 big endian, then the body. Throws a RangeError on an empty body. */
export function encodeSpoolEntry(body: Uint8Array): Uint8Array {
  if (body.length === 0) throw new RangeError('a spool entry holds an event, found an empty body');
  const bytes = new Uint8Array(HEADER_LENGTH + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  view.setUint32(4, crc32(body));
  bytes.set(body, HEADER_LENGTH);
  return bytes;
}

export interface SpoolSegment {
  bodies: Uint8Array[];
  /** Bytes of whole, sound entries: a writer that goes on must first cut the file to this length. */
  soundLength: number;
  /** Why the rest was left: `torn` where the last entry is shorter than it says, `corrupt` where its CRC differs or it is empty. */
  end: 'clean' | 'torn' | 'corrupt';
}

/**
 * Reads a spool segment up to the first entry that is not whole and sound. It never throws: a process killed while it wrote
 * leaves a torn tail, which was never accepted. Behind a corrupt entry nothing is read, since its length cannot be trusted.
 */
export function decodeSpoolSegment(bytes: Uint8Array): SpoolSegment {
  const bodies: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + HEADER_LENGTH > bytes.length) return { bodies, soundLength: offset, end: 'torn' };
    const start = offset + HEADER_LENGTH;
    const end = start + view.getUint32(offset);
    if (end > bytes.length) return { bodies, soundLength: offset, end: 'torn' };
    const body = bytes.slice(start, end);
    // After a power cut a file may end in zeros, which would read as sound entries of nothing: no event is empty.
    if (body.length === 0 || crc32(body) !== view.getUint32(offset + 4))
      return { bodies, soundLength: offset, end: 'corrupt' };
    bodies.push(body);
    offset = end;
  }
  return { bodies, soundLength: offset, end: 'clean' };
}
