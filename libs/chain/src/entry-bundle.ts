/** The longest entry that an entry bundle can hold, in bytes. */
export const ENTRY_MAX = 0xffff;

/** Entries (leaf bytes), each after its length as two bytes, big endian (C2SP tlog-tiles). Throws a RangeError on one too long. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((length, entry) => length + 2 + entry.length, 0));
  let offset = 0;
  for (const entry of entries) {
    if (entry.length > ENTRY_MAX) throw new RangeError(`entry has ${entry.length} bytes, the limit is ${ENTRY_MAX}`);
    bytes[offset] = entry.length >> 8;
    bytes[offset + 1] = entry.length & 0xff;
    bytes.set(entry, offset + 2);
    offset += 2 + entry.length;
  }
  return bytes;
}

/** The inverse of `encodeEntryBundle`. Throws a RangeError unless the bytes end with an entry. */
export function decodeEntryBundle(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const start = offset + 2;
    const end = start + (((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0));
    if (start > bytes.length || end > bytes.length) throw new RangeError(`entry bundle is torn at byte ${offset}`);
    entries.push(bytes.slice(start, end));
    offset = end;
  }
  return entries;
}
