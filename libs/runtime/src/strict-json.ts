import { RuntimeRefusal } from './refusal.js';
import {
  EXACT_BELOW,
  findFault,
  FORBIDDEN_NAMES,
  isPlainText,
  type JsonFault,
  type JsonLimits,
} from './strict-json-fault.js';

export type { JsonCode, JsonLimits } from './strict-json-fault.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses JSON that has one meaning for every reader. Refused beyond bad syntax: broken UTF-8, a BOM, repeated member names,
 * `__proto__`, `constructor` and `prototype` as names, nesting beyond the limit, NUL and lone surrogates, numbers that
 * overflow, and integer literals beyond 2^53 that a double does not hold (RFC 8785 would write other digits). Throws a
 * refusal with a `JsonCode`, one fault {path, found, wanted} and {offset, line, column} in `detail`. What is found is named
 * by kind and never quoted.
 *
 * Only the verdict is made here, with one scan and a walk over the result; the place is looked for after a verdict of no.
 */
export function parseStrictJson(bytes: Uint8Array, limits: JsonLimits): unknown {
  const members = countMembers(bytes, limits.depthMax);
  const parsed = members === null ? null : tryParse(bytes);
  if (parsed) {
    const tally: Tally = { members: 0, hasEscapes: parsed.hasEscapes, hasLargeNumber: false };
    const isClean = isAcceptable(parsed.value, tally) && tally.members === members && !parsed.hasByteOrderMark;
    if (isClean && (!tally.hasLargeNumber || findFault(bytes, limits) === null)) return parsed.value;
  }
  const fault = findFault(bytes, limits);
  if (!fault) throw new Error(`JSON of ${bytes.length} bytes was refused, yet no fault was found in it.`);
  throw toRefusal(bytes, fault);
}

function tryParse(bytes: Uint8Array): { value: unknown; hasEscapes: boolean; hasByteOrderMark: boolean } | null {
  try {
    const text = decoder.decode(bytes);
    const value: unknown = JSON.parse(text);
    return { value, hasEscapes: text.includes('\\u'), hasByteOrderMark: text.charCodeAt(0) === 0xfeff };
  } catch {
    return null; // findFault says why, with the place, which the errors of these two do not carry
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Counts the members of all objects, by their colons; null where brackets nest too deep. Says nothing about syntax, so it
 * may run first and keep JSON.parse away from a body that is nothing but brackets.
 */
function countMembers(bytes: Uint8Array, depthMax: number): number | null {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
    } else if (byte === 0x3a) members++;
    // '[' and '{' are 0x5b and 0x7b, ']' and '}' are 0x5d and 0x7d: the bit 0x20 apart.
    else if ((byte | 0x20) === 0x7b) {
      if (++depth > depthMax) return null;
    } else if ((byte | 0x20) === 0x7d) depth--;
  }
  return members;
}

interface Tally {
  /** Members of all objects. Fewer than the text has colons: some name stood twice and JSON.parse kept the last. */
  members: number;
  /** A number of 2^53 or more: whether its literal is exact can no longer be seen in the value. */
  hasLargeNumber: boolean;
  /** Without a `\u` in the text no string can hold NUL or a lone surrogate: UTF-8 has neither inside JSON. */
  readonly hasEscapes: boolean;
}

/** Walks a parsed value, at most as deep as the scan allowed. */
function isAcceptable(value: unknown, tally: Tally): boolean {
  switch (typeof value) {
    case 'string':
      return !tally.hasEscapes || isPlainText(value);
    case 'number':
      if (Math.abs(value) >= EXACT_BELOW) tally.hasLargeNumber = true;
      return Number.isFinite(value);
    case 'object':
      break;
    default:
      return true;
  }
  if (value === null) return true;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isAcceptable(value[index], tally)) return false;
    return true;
  }
  const names = Object.keys(value);
  tally.members += names.length;
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as string;
    if ((name.length > 8 && FORBIDDEN_NAMES.has(name)) || (tally.hasEscapes && !isPlainText(name))) return false;
    if (!isAcceptable((value as Record<string, unknown>)[name], tally)) return false;
  }
  return true;
}

function toRefusal(bytes: Uint8Array, fault: JsonFault): RuntimeRefusal {
  const before = Buffer.from(bytes.buffer, bytes.byteOffset, fault.offset).toString('utf8').split('\n');
  const place = { offset: fault.offset, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  const where = `line ${place.line}, column ${place.column}`;
  return new RuntimeRefusal(fault.code, `At ${where}: found ${fault.found}, wanted ${fault.wanted}.`, {
    errors: [{ path: fault.path, found: fault.found, wanted: fault.wanted }],
    detail: place,
  });
}
