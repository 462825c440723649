export { ledgerMigrations } from './ledger-migrations.js';
export {
  sealBatch,
  type Anchor,
  type EventToSeal,
  type Receipt,
  type SealOutcome,
  type SealRefusal,
  type SealRequest,
} from './seal-batch.js';
export { QueueFullError, Sealer, type SealerOptions } from './sealer.js';
