import fc from 'fast-check';
import { canonicalJson } from './canonical-json.js';

describe('canonicalJson', () => {
  it('sorts members by UTF-16 code units and writes numbers as RFC 8785 says', () => {
    expect(
      canonicalJson({ b: [1e21, 1e-7, -0, 0.1, 333333333.33333329], a: null, '\u20ac': '\u000f\n"', '\r': true }),
    ).toBe('{"\\r":true,"a":null,"b":[1e+21,1e-7,0,0.1,333333333.3333333],"\u20ac":"\\u000f\\n\\""}');
  });

  it('writes what JSON.parse reads back as the same data, in the same text', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order in which members were added', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
      }),
    );
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = { again: cycle };
  it.each([
    ['NaN', { a: [NaN] }, '/a/0'],
    ['Infinity', { a: { 'x/y~': -Infinity } }, '/a/x~1y~0'],
    ['undefined', { a: undefined }, '/a'],
    ['undefined', undefined, ''],
    ['undefined', new Array(1), '/0'],
    ['bigint', [1n], '/0'],
    ['function', [() => 1], '/0'],
    ['lone surrogate', ['\ud800'], '/0'],
    ['lone surrogate', { '\udc00': 1 }, ''],
    ['not plain', new Map(), ''],
    ['not plain', { at: new Date(0) }, '/at'],
    ['not plain', { bytes: Buffer.alloc(1) }, '/bytes'],
    ['not plain', [new Number(1)], '/0'],
    ['toJSON', { toJSON: () => 1 }, ''],
    ['cycle', cycle, '/self/again'],
  ])('refuses %s in %p and says where', (found, value, pointer) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
    expect(() => canonicalJson(value)).toThrow(found);
    expect(() => canonicalJson(value)).toThrow(`at "${pointer}"`);
  });

  it('takes data nested deeper than the call stack', () => {
    let value: unknown = 0;
    for (let depth = 0; depth < 5000; depth++) value = [value];
    expect(canonicalJson(value)).toBe(`${'['.repeat(5000)}0${']'.repeat(5000)}`);
  });
});
