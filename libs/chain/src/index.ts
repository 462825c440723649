export {
  compareBytes,
  concatBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  toBase64,
  toHex,
  toUtf8,
  type Ed25519Verify,
  type Sha256,
} from './bytes.js';
export { canonicalJson } from './canonical-json.js';
export {
  envelopeBytes,
  parseEnvelope,
  retentionClasses,
  type Envelope,
  type EnvelopeProducer,
  type RetentionClass,
} from './envelope.js';
export {
  GENESIS_HASH,
  HASH_LENGTH,
  leafBytes,
  parseLeaf,
  payloadDigest,
  recordHash,
  SALT_LENGTH,
  type Leaf,
} from './record.js';
export { emptyRoot, Frontier, nodeHasher } from './tree.js';
