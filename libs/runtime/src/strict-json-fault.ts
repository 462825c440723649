import type { RuntimeCode } from './refusal.js';

export interface JsonLimits {
  /** Arrays and objects inside one another; a bare scalar has depth 0. At most 1,000: the walk recurses. */
  readonly depthMax: number;
}

export type JsonCode = Extract<
  RuntimeCode,
  | 'invalid_utf8'
  | 'byte_order_mark'
  | 'invalid_json'
  | 'duplicate_key'
  | 'forbidden_key'
  | 'too_deep'
  | 'nul_character'
  | 'lone_surrogate'
  | 'number_overflow'
  | 'inexact_integer'
>;

export interface JsonFault {
  readonly code: JsonCode;
  /** Byte at which the faulty thing starts. */
  readonly offset: number;
  /** JSON pointer to it. */
  readonly path: string;
  readonly found: string;
  readonly wanted: string;
}

/** Integers from here on have neighbours that a double cannot tell apart: 2^53. */
export const EXACT_BELOW = 2 ** 53;

/** Names that reach a prototype in careless readers. */
export const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** True for text without NUL (Postgres cannot hold it) and without lone surrogates (UTF-8 cannot). */
export const isPlainText = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/**
 * The first fault of a JSON text, null where there is none. A plain validator over the bytes by the grammar of RFC 8259,
 * several times slower than JSON.parse: it runs where something is known to be wrong, or where number literals matter.
 */
export function findFault(bytes: Uint8Array, limits: JsonLimits): JsonFault | null {
  try {
    checkEncoding(bytes);
    new Validator(bytes, Math.min(limits.depthMax, 1_000)).checkDocument();
    return null;
  } catch (error) {
    if (error instanceof Found) return error.fault;
    throw error;
  }
}

/** Carries a fault out of the recursion. */
class Found extends Error {
  constructor(readonly fault: JsonFault) {
    super(fault.code);
  }
}

function checkEncoding(bytes: Uint8Array): void {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    const wanted = 'JSON from the first byte on';
    throw new Found({ code: 'byte_order_mark', offset: 0, path: '', found: 'a byte order mark', wanted });
  }
  if (isUtf8(bytes)) return;
  // The longest prefix that can still become UTF-8, by halving.
  let good = 0;
  for (let bad = bytes.length + 1; bad - good > 1;) {
    const middle = (good + bad) >> 1;
    if (isUtf8(bytes.subarray(0, middle), true)) good = middle;
    else bad = middle;
  }
  const found = good < bytes.length ? `the byte 0x${bytes[good]?.toString(16)}` : 'half a character at the end';
  throw new Found({ code: 'invalid_utf8', offset: good, path: '', found, wanted: 'UTF-8' });
}

function isUtf8(bytes: Uint8Array, mayGoOn = false): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: mayGoOn });
    return true;
  } catch {
    return false;
  }
}

const PUNCTUATION = {
  openObject: 0x7b,
  closeObject: 0x7d,
  openArray: 0x5b,
  closeArray: 0x5d,
  quote: 0x22,
  comma: 0x2c,
};
const COLON = 0x3a;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORDS = /true|false|null/y;
const FOREIGN = /-?(?:NaN|Infinity)|undefined/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

const decoder = new TextDecoder();

class Validator {
  private at = 0;
  private readonly path: (string | number)[] = [];
  /** One character a byte, so that expressions can be matched at byte offsets. */
  private readonly latin1: string;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly depthMax: number,
  ) {
    this.latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }

  checkDocument(): void {
    this.checkValue(0);
    this.skipSpace();
    if (this.at < this.bytes.length) this.failSyntax('the end');
  }

  private checkValue(depth: number): void {
    this.skipSpace();
    const byte = this.bytes[this.at];
    if (byte === PUNCTUATION.quote) this.readString();
    else if (byte === PUNCTUATION.openObject) this.checkObject(depth + 1);
    else if (byte === PUNCTUATION.openArray) this.checkArray(depth + 1);
    else if (!this.match(WORDS)) this.checkNumber();
  }

  private checkObject(depth: number): void {
    this.enter(depth);
    const names = new Set<string>();
    this.at++;
    if (this.skip(PUNCTUATION.closeObject)) return;
    do {
      this.skipSpace();
      const offset = this.at;
      if (this.bytes[offset] !== PUNCTUATION.quote) this.failSyntax('a member name in double quotes');
      const name = this.readString();
      this.path.push(name);
      if (FORBIDDEN_NAMES.has(name)) this.fail('forbidden_key', offset, `the name ${name}`, 'another name');
      if (names.has(name)) this.fail('duplicate_key', offset, 'the same name a second time', 'every name once');
      names.add(name);
      if (!this.skip(COLON)) this.failSyntax('a colon');
      this.checkValue(depth);
      this.path.pop();
    } while (this.skip(PUNCTUATION.comma));
    if (!this.skip(PUNCTUATION.closeObject)) this.failSyntax('a comma or }');
  }

  private checkArray(depth: number): void {
    this.enter(depth);
    this.at++;
    if (this.skip(PUNCTUATION.closeArray)) return;
    let index = 0;
    do {
      this.path.push(index++);
      this.checkValue(depth);
      this.path.pop();
    } while (this.skip(PUNCTUATION.comma));
    if (!this.skip(PUNCTUATION.closeArray)) this.failSyntax('a comma or ]');
  }

  private enter(depth: number): void {
    if (depth > this.depthMax) this.fail('too_deep', this.at, `depth ${depth}`, `at most ${this.depthMax}`);
  }

  private checkNumber(): void {
    const offset = this.at;
    const literal = this.match(NUMBER);
    if (!literal) {
      const foreign = this.match(FOREIGN);
      this.at = offset;
      this.failSyntax('a JSON value', foreign ? `a bare ${foreign}, which JSON does not have` : undefined);
      return;
    }
    const value = Number(literal);
    if (!Number.isFinite(value)) {
      this.fail('number_overflow', offset, 'a number beyond 1.797e308', 'a number that a double can hold');
    }
    // ECMAScript writes numbers as RFC 8785 wants them.
    if (Math.abs(value) >= EXACT_BELOW && /^-?[0-9]+$/.test(literal) && String(value) !== literal) {
      this.fail(
        'inexact_integer',
        offset,
        'an integer beyond 2^53 that a double cannot hold',
        'a string of its digits',
      );
    }
  }

  private readString(): string {
    const start = this.at;
    let isAscii = true;
    for (this.at++; this.bytes[this.at] !== PUNCTUATION.quote;) {
      const byte = this.bytes[this.at];
      if (byte === undefined) this.failSyntax('a closing double quote');
      else if (byte < 0x20) this.failSyntax('an escape for a control character', 'a bare control character');
      else if (byte !== 0x5c) {
        if (byte > 0x7e) isAscii = false;
        this.at++;
      } else {
        isAscii = false;
        if (!this.match(ESCAPE)) this.failSyntax('an escape that JSON has', 'an unknown escape');
      }
    }
    this.at++;
    if (isAscii) return this.latin1.slice(start + 1, this.at - 1);
    const text = JSON.parse(decoder.decode(this.bytes.subarray(start, this.at))) as string;
    if (text.includes('\0')) this.fail('nul_character', start, 'a NUL character', 'text without it');
    if (!text.isWellFormed()) this.fail('lone_surrogate', start, 'half of a surrogate pair', 'whole characters');
    return text;
  }

  private skipSpace(): void {
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.at++;
    }
  }

  private skip(byte: number): boolean {
    this.skipSpace();
    if (this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  private match(expression: RegExp): string | null {
    expression.lastIndex = this.at;
    const matched = expression.exec(this.latin1)?.[0] ?? null;
    this.at += matched?.length ?? 0;
    return matched;
  }

  private failSyntax(wanted: string, found?: string): void {
    const byte = this.bytes[this.at];
    const kind =
      byte === undefined
        ? 'the end'
        : byte > 0x20 && byte < 0x7f
          ? `the character ${String.fromCharCode(byte)}`
          : `the byte 0x${byte.toString(16)}`;
    this.fail('invalid_json', this.at, found ?? kind, wanted);
  }

  private fail(code: JsonCode, offset: number, found: string, wanted: string): never {
    throw new Found({ code, offset, path: toPointer(this.path), found, wanted });
  }
}

const PATH_CHARACTERS_MAX = 300;

/** JSON pointer, RFC 6901, cut where a hostile name would make it long. */
function toPointer(path: readonly (string | number)[]): string {
  const pointer = path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return pointer.slice(0, PATH_CHARACTERS_MAX).toWellFormed();
}
