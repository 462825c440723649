import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import type { Ed25519Verify, Sha256 } from './bytes.js';

/** SHA-256 by node:crypto. As text and back: the one-shot digest to a Buffer costs three times as much (Node 24). */
export const sha256: Sha256 = (bytes) => {
  const text = hash('sha256', bytes, 'binary');
  const digest = new Uint8Array(32);
  for (let index = 0; index < 32; index++) digest[index] = text.charCodeAt(index);
  return digest;
};

// An Ed25519 key in DER is a fixed prefix and the 32 raw bytes (RFC 8410).
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** A raw Ed25519 key pair: the 32-byte seed is the private key (RFC 8032). */
export interface Ed25519KeyPair {
  privateKey: Uint8Array;
  publicKey: Uint8Array;
}

/** A new key pair from the system's random source. */
export function generateEd25519(): Ed25519KeyPair {
  const der = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
  const privateKey = new Uint8Array(der.subarray(pkcs8Prefix.length));
  return { privateKey, publicKey: ed25519PublicKey(privateKey) };
}

/** The public key of a 32-byte seed. Throws a RangeError on another length. */
export function ed25519PublicKey(privateKey: Uint8Array): Uint8Array {
  const der = createPublicKey(importPrivate(privateKey)).export({ format: 'der', type: 'spki' });
  return new Uint8Array(der.subarray(spkiPrefix.length));
}

/** A 64-byte signature of the message itself (no pre-hash). Throws a RangeError unless the seed has 32 bytes. */
export function ed25519Sign(privateKey: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, importPrivate(privateKey)));
}

/** Whether the signature is by this key over this message; false on malformed keys and signatures. */
export const ed25519Verify: Ed25519Verify = (publicKey, message, signature) => {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: 'der', type: 'spki' });
  return verify(null, message, key, signature);
};

function importPrivate(seed: Uint8Array): KeyObject {
  if (seed.length !== 32) throw new RangeError(`an Ed25519 seed has 32 bytes, found ${seed.length}`);
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
}
