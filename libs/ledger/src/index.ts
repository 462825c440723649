export { ledgerMigrations } from './ledger-migrations.js';
export {
  sealBatch,
  sealParameters,
  type Anchor,
  type EventToSeal,
  type Receipt,
  type SealOutcome,
  type SealRefusal,
  type SealRequest,
} from './seal-batch.js';
export { eventToSeal, type EventToSealOptions } from './event-to-seal.js';
export { QueueFullError, Sealer, type SealerOptions } from './sealer.js';
export { SealingDoor, type SealingDoorOptions } from './sealing-door.js';
export { findSeqAt } from './find-seq-at.js';
export {
  readHeaders,
  readLedgerState,
  readRecords,
  streamRecords,
  toSealedRecord,
  type LedgerState,
  type RecordHeader,
  type RecordRange,
  type StoredRecord,
} from './read-records.js';
export {
  DirectoryHeadStore,
  findNewestAnchor,
  findNewestEpoch,
  findNewestHead,
  publishHead,
  readHead,
  type HeadStore,
  type StoredHead,
} from './head-store.js';
export { readConsistencyProof, readInclusionProof, type TileStore } from './tile-store.js';
export {
  BrokenLedgerError,
  HeadSigner,
  noteSigner,
  verifierKeyText,
  type HeadSignerOptions,
  type SigningIdentity,
} from './head-signer.js';
export { openEpoch, openLedger, type NewEpoch, type OpenLedgerOptions } from './open-ledger.js';
export { findDurabilityFaults, isBehindPooler, readClockSkew, type DurabilityFault } from './check-database.js';
export { knownLogsPath, readKnownLogs, rememberLog, type KnownLog } from './known-logs.js';
export { LedgerFeed, type LedgerFeedOptions } from './ledger-feed.js';
export { LedgerRecordSource } from './record-source.js';
