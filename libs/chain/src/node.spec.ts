import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { fromHex, toHex } from './bytes.js';
import { ed25519PublicKey, ed25519Sign, ed25519Verify, generateEd25519, sha256 } from './node.js';

describe('the Node binding', () => {
  it('hashes as @noble/hashes does, which browsers use', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expect(sha256(bytes)).toEqual(nobleSha256(bytes))),
    );
  });

  it('gives the published key and signature of RFC 8032, section 7.1, test 2', () => {
    const seed = fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
    expect(toHex(ed25519PublicKey(seed))).toBe('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
    expect(toHex(ed25519Sign(seed, Uint8Array.of(0x72)))).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
  });

  it('signs and verifies as @noble/curves does, in both directions', () => {
    const { privateKey, publicKey } = generateEd25519();
    expect(ed25519.getPublicKey(privateKey)).toEqual(publicKey);
    const message = new TextEncoder().encode('text\n');
    const signature = ed25519Sign(privateKey, message);
    expect(ed25519.sign(message, privateKey)).toEqual(signature);
    expect(ed25519.verify(signature, message, publicKey)).toBe(true);
    expect(ed25519Verify(publicKey, message, ed25519.sign(message, privateKey))).toBe(true);
  });

  it('refuses a changed message, signature or key, and bytes of another length, without throwing', () => {
    const { privateKey, publicKey } = generateEd25519();
    const message = Uint8Array.of(1, 2, 3);
    const signature = ed25519Sign(privateKey, message);
    expect(ed25519Verify(publicKey, message, signature)).toBe(true);
    expect(ed25519Verify(publicKey, Uint8Array.of(1, 2, 4), signature)).toBe(false);
    expect(ed25519Verify(generateEd25519().publicKey, message, signature)).toBe(false);
    expect(
      ed25519Verify(
        publicKey,
        message,
        signature.map((byte, at) => (at === 9 ? byte ^ 1 : byte)),
      ),
    ).toBe(false);
    expect(ed25519Verify(publicKey, message, signature.subarray(1))).toBe(false);
    expect(ed25519Verify(publicKey.subarray(1), message, signature)).toBe(false);
    expect(ed25519Verify(new Uint8Array(32).fill(255), message, signature)).toBe(false);
  });

  it('refuses a seed of another length', () => {
    expect(() => ed25519PublicKey(new Uint8Array(31))).toThrow(RangeError);
  });
});
