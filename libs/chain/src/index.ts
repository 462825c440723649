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
export {
  parseRecord,
  payloadStates,
  recordJson,
  type PayloadState,
  type Receipt,
  type RecordJson,
  type SealedRecord,
} from './record-json.js';
export { recordInspector, type Inspection, type PayloadFinding } from './inspect.js';
export {
  ChainChecker,
  type ChainCheckerOptions,
  type ChainFault,
  type ChainFaultKind,
  type ChainReport,
} from './chain-checker.js';
export {
  formatEvidence,
  verifyEvidence,
  type EvidenceCode,
  type EvidenceResult,
  type VerifyCrypto,
} from './evidence.js';
export {
  derivedEventInput,
  derivedId,
  importedEventInput,
  importedRunInput,
  type DerivedEventSource,
  type DerivingRole,
  type JsonValue,
} from './derived-id.js';
export { manifestBytes, type ManifestEntry } from './manifest.js';
export { crc32, decodeSpoolSegment, encodeSpoolEntry, type SpoolSegment } from './spool.js';
export { exportHeaderLine, exportHeadLine, exportRecordLine, parseExportLine, type ExportLine } from './export-line.js';
export {
  LedgerVerifier,
  type LaterEpoch,
  type LedgerFault,
  type LostRange,
  type VerifyLedgerInput,
  type VerifyLedgerResult,
} from './verify-ledger.js';
