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
export {
  consistencyProof,
  inclusionProof,
  ProofError,
  rootOfNodes,
  verifyConsistency,
  verifyInclusion,
  type ConsistencyClaim,
  type InclusionClaim,
  type NodeReader,
  type ProofErrorCode,
} from './proof.js';
export {
  bundlesBetween,
  isTileOf,
  parseTilePath,
  TILE_WIDTH,
  TileBuilder,
  tilePath,
  tileReader,
  tilesBetween,
  tilesForConsistency,
  tilesForInclusion,
  type Tile,
} from './tile.js';
export { decodeEntryBundle, encodeEntryBundle, ENTRY_MAX } from './entry-bundle.js';
export {
  equalKeys,
  formatVerifierKey,
  NoteError,
  openNote,
  parseVerifierKey,
  signNote,
  verifierKey,
  type NoteErrorCode,
  type NoteSigner,
  type VerifierKey,
} from './note.js';
export {
  formatHead,
  formatOrigin,
  openHead,
  parseHead,
  parseOrigin,
  signHead,
  type Head,
  type Origin,
} from './head.js';
export { formatTlogProof, parseTlogProof, type TlogProof } from './tlog-proof.js';
