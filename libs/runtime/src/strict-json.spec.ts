import fc from 'fast-check';
import type { RuntimeRefusal } from './refusal.js';
import { findFault } from './strict-json-fault.js';
import { parseStrictJson } from './strict-json.js';

const limits = { depthMax: 32 };
const parse = (text: string | Uint8Array) =>
  parseStrictJson(typeof text === 'string' ? Buffer.from(text) : text, limits);
const refusalOf = (text: string | Uint8Array): RuntimeRefusal => {
  try {
    parse(text);
  } catch (error) {
    return error as RuntimeRefusal;
  }
  throw new Error('was accepted');
};

const safeName = fc.string({ unit: 'binary' }).filter((name) => !/^(__proto__|constructor|prototype)$|\0/.test(name));
const { value: anyJson } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
    fc.double({ noDefaultInfinity: true, noNaN: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(safeName, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

describe('parseStrictJson', () => {
  it('reads every clean text as JSON.parse does', () => {
    fc.assert(
      fc.property(anyJson, fc.constantFrom(0, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with the slow validator on mutilated texts, which agrees with JSON.parse on syntax', () => {
    const mutilation = fc.tuple(
      anyJson,
      fc.nat(),
      fc.constantFrom('', '"', '{', ']', ',', ':', '\\', '0', '-', 'e', ' ', 'n'),
    );
    fc.assert(
      fc.property(mutilation, ([value, place, patch]) => {
        const clean = JSON.stringify(value);
        const at = place % (clean.length + 1);
        const text = clean.slice(0, at) + patch + clean.slice(at + 1);
        const fault = findFault(Buffer.from(text), limits);
        const isParsable = succeeds(() => JSON.parse(Buffer.from(text).toString()));
        expect(isParsable || fault !== null).toBe(true);
        expect(succeeds(() => parse(text))).toBe(fault === null);
      }),
      { numRuns: 2_000 },
    );
  });

  it('finds a repeated name wherever it stands and however it is escaped', () => {
    fc.assert(
      fc.property(safeName, fc.array(safeName), (name, others) => {
        const object = Object.fromEntries([...others, name].map((key) => [key, 1]));
        const text = `[${JSON.stringify(object).slice(0, -1)},${JSON.stringify(name)}:2}]`;
        expect(refusalOf(text).code).toBe('duplicate_key');
      }),
    );
    expect(refusalOf('{"a":{"b":1,"\\u0062":2}}')).toMatchObject({ code: 'duplicate_key', errors: [{ path: '/a/b' }] });
  });

  it.each<[string, string | Uint8Array, string, string, number]>([
    ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'invalid_utf8', '', 2],
    ['a surrogate encoded as UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'invalid_utf8', '', 2],
    ['an overlong encoding', Buffer.from([0x22, 0xc0, 0x80, 0x22]), 'invalid_utf8', '', 1],
    ['half a character at the end', Buffer.from([0x31, 0xe2, 0x82]), 'invalid_utf8', '', 3],
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'invalid_json', '', 1],
    ['a byte order mark', '\ufeff{}', 'byte_order_mark', '', 0],
    ['nothing', '', 'invalid_json', '', 0],
    ['a text that breaks off', '{"a":[1,', 'invalid_json', '/a/1', 8],
    ['two values', '{} {}', 'invalid_json', '', 3],
    ['a comma too many', '{"a":1,}', 'invalid_json', '', 7],
    ['bare NaN', '{"a":[NaN]}', 'invalid_json', '/a/0', 6],
    ['bare Infinity', '{"a":-Infinity}', 'invalid_json', '/a', 5],
    ['single quotes', "{'a':1}", 'invalid_json', '', 1],
    ['a comment', '{/**/}', 'invalid_json', '', 1],
    ['a leading zero', '[01]', 'invalid_json', '', 2],
    ['a hexadecimal number', '[0x10]', 'invalid_json', '', 2],
    ['a bare control character', '["\n"]', 'invalid_json', '/0', 2],
    ['a bare NUL', '["\0"]', 'invalid_json', '/0', 2],
    ['a repeated name', '{"a":1,"b":2,"a":3}', 'duplicate_key', '/a', 13],
    ['a repeated __proto__', '[{"__proto__":1}]', 'forbidden_key', '/0/__proto__', 2],
    ['__proto__ by an escape', '{"\\u005f_proto__":{}}', 'forbidden_key', '/__proto__', 1],
    ['constructor', '{"constructor":{"prototype":1}}', 'forbidden_key', '/constructor', 1],
    ['prototype', '{"a":{"prototype":1}}', 'forbidden_key', '/a/prototype', 6],
    ['NUL by an escape', '{"a":"x\\u0000"}', 'nul_character', '/a', 5],
    ['NUL in a name', '{"a\\u0000":1}', 'nul_character', '', 1],
    ['a lone high surrogate', '["\\ud800"]', 'lone_surrogate', '/0', 1],
    ['a lone low surrogate', '["\\udc00x"]', 'lone_surrogate', '/0', 1],
    ['surrogates in the wrong order', '["\\udc00\\ud800"]', 'lone_surrogate', '/0', 1],
    ['a number that overflows', '{"loss":1e400}', 'number_overflow', '/loss', 8],
    ['an integer that overflows', `[-${'9'.repeat(400)}]`, 'number_overflow', '/0', 1],
    ['an integer that a double cannot hold', '{"n":9007199254740993}', 'inexact_integer', '/n', 5],
    ['an integer that would be written with an exponent', `[1${'0'.repeat(21)}]`, 'inexact_integer', '/0', 1],
    ['depth 33', '['.repeat(33) + ']'.repeat(33), 'too_deep', '/0'.repeat(32), 32],
    ['depth 10,000', '['.repeat(10_000) + ']'.repeat(10_000), 'too_deep', '/0'.repeat(32), 32],
    ['depth 1,000,000 of objects, never closed', '{"a":'.repeat(1_000_000), 'too_deep', '/a'.repeat(32), 160],
  ])('refuses %s', (_what, text, code, path, offset) => {
    expect(refusalOf(text)).toMatchObject({ name: 'Refusal', code, errors: [{ path }], detail: { offset } });
  });

  it.each([
    ['depth 32', '['.repeat(32) + ']'.repeat(32)],
    ['2^53', '[9007199254740992,-9007199254740992]'],
    ['a diverged loss', '[1e17,100000000000000000,1.7976931348623157e308]'],
    ['an escaped surrogate pair', '"\\ud83d\\ude00"'],
    ['names that only look forbidden', '{"proto":1,"__proto":2,"Constructor":3}'],
    ['brackets and colons inside strings', '{"[{:\\"":"}}]]::\\\\"}'],
    ['numeric names', '{"1":1,"0":0}'],
  ])('accepts %s', (_what, text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it('tells line and column of a fault and never quotes a value', () => {
    const refusal = refusalOf('{\n  "password": "hunter2\\u0000"\n}');
    expect(refusal.detail).toEqual({ offset: 16, line: 2, column: 15 });
    expect(JSON.stringify([refusal.message, refusal.errors])).not.toContain('hunter2');
  });

  it('does not mind a view into a larger buffer', () => {
    const large = Buffer.from('xx{"a":1}yy');
    expect(parse(large.subarray(2, 9))).toEqual({ a: 1 });
    expect(refusalOf(large.subarray(2, 10)).detail).toMatchObject({ offset: 7 });
  });
});

function succeeds(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
