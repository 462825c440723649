import fc from 'fast-check';
import { concatBytes, fromHex, toHex } from './bytes.js';
import { sha256 } from './node.js';
import { recordHash } from './record.js';
import { emptyRoot, Frontier } from './tree.js';
import { referenceRoot } from './reference-tree.fixture.js';

// The test leaves and roots published with the first Certificate Transparency log code, one root a size.
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('Frontier', () => {
  it('gives the published root at every size up to 8', () => {
    const frontier = new Frontier(sha256);
    expect(toHex(frontier.root())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    leaves.forEach((leaf, index) => {
      frontier.append(recordHash(sha256, fromHex(leaf)));
      expect(toHex(frontier.root())).toBe(roots[index]);
    });
    expect(frontier.size).toBe(8);
  });

  it('agrees with the recursive definition at every size', () => {
    fc.assert(
      fc.property(fc.array(bytes32, { maxLength: 70 }), (hashes) => {
        const frontier = new Frontier(sha256);
        hashes.forEach((hash, index) => {
          frontier.append(hash);
          expect(frontier.root()).toEqual(referenceRoot(sha256, hashes.slice(0, index + 1)));
        });
      }),
      { numRuns: 20 },
    );
  });

  it('goes on from its stored bytes as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.array(bytes32, { maxLength: 40 }), fc.array(bytes32, { maxLength: 40 }), (before, after) => {
        const first = new Frontier(sha256);
        before.forEach((hash) => first.append(hash));
        const second = Frontier.fromBytes(sha256, first.toBytes());
        const untouched = first.root();
        after.forEach((hash) => second.append(hash));
        expect(second.root()).toEqual(referenceRoot(sha256, [...before, ...after]));
        expect(first.root()).toEqual(untouched);
      }),
      { numRuns: 20 },
    );
  });

  it('counts beyond 2^32 leaves', () => {
    const size = 2 ** 52 + 1;
    const stored = concatBytes(fromHex('0010000000000001'), new Uint8Array(32).fill(1), new Uint8Array(32).fill(2));
    const frontier = Frontier.fromBytes(sha256, stored);
    expect(frontier.size).toBe(size);
    frontier.append(new Uint8Array(32).fill(3));
    expect(frontier.size).toBe(size + 1);
    expect(frontier.roots.length).toBe(2);
  });

  it.each([
    ['too few roots', concatBytes(fromHex('0000000000000003'), new Uint8Array(32))],
    ['too many roots', concatBytes(fromHex('0000000000000001'), new Uint8Array(64))],
    ['a torn root', concatBytes(fromHex('0000000000000001'), new Uint8Array(31))],
    ['a size of 2^53', concatBytes(fromHex('0020000000000000'), new Uint8Array(32))],
    ['no size', new Uint8Array(7)],
  ])('refuses stored bytes with %s', (_, bytes) => {
    expect(() => Frontier.fromBytes(sha256, bytes)).toThrow(RangeError);
  });

  it('has the empty hash as its root before the first leaf', () => {
    expect(new Frontier(sha256).root()).toEqual(emptyRoot(sha256));
  });
});
