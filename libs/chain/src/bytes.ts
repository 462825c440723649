/** The SHA-256 function that every hash here is made with: 32 fresh bytes; the input is never kept. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Ed25519 (RFC 8032) over raw keys: 32-byte public key, 64-byte signature. `verify` never throws on hostile input. */
export type Ed25519Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const nibbleOf = new Uint8Array(256).fill(255);
for (let nibble = 0; nibble < 16; nibble++) nibbleOf['0123456789abcdef'.charCodeAt(nibble)] = nibble;

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += hexOf[byte];
  return text;
}

/** Bytes of lower-case hex, exactly `length` of them where it is given. Throws a TypeError on anything else. */
export function fromHex(text: string, length = text.length / 2): Uint8Array {
  if (text.length !== length * 2)
    throw new TypeError(`expected ${length} bytes as hex, found ${text.length} characters`);
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    const high = nibbleOf[text.charCodeAt(2 * index)] ?? 255;
    const low = nibbleOf[text.charCodeAt(2 * index + 1)] ?? 255;
    if ((high | low) > 15) throw new TypeError('expected lower-case hex digits');
    bytes[index] = (high << 4) | low;
  }
  return bytes;
}

/** Standard base64 with padding (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Bytes of standard base64 in its one canonical spelling: padded, no spaces, no loose bits. Throws a TypeError. */
export function fromBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw new TypeError('expected padded base64');
  const binary = atob(text);
  if (btoa(binary) !== text) throw new TypeError('expected base64 without loose bits');
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** UTF-8 of a text. Throws a TypeError on a lone surrogate, which has no UTF-8. */
export function toUtf8(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new TypeError('text holds a lone surrogate');
  return encoder.encode(text);
}

/** Writes a well-formed text's UTF-8 to the start of `target`, which must be long enough; returns the bytes written. */
export function writeUtf8(text: string, target: Uint8Array): number {
  return encoder.encodeInto(text, target).written;
}

/** Text of UTF-8 bytes. Throws a TypeError where the bytes are not UTF-8; a byte order mark is kept. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch (cause) {
    throw new TypeError('bytes are not UTF-8', { cause });
  }
}

export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Equality of public bytes; not constant-time. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

/** Order of unsigned bytes, the shorter first where one begins the other: the order of UTF-8, not of UTF-16. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
