export { ingestMigrations, openIngest, type IngestSettings } from './open-ingest.js';
export { IngestModule } from './ingest.module.js';
export { Ingest } from './ingest.js';
export { REFUSAL_STATUS } from './refusal-status.js';
export { ENTRIES_OPEN, HASHES_OPEN } from './log.controller.js';
export { ingestVariables } from './environment.js';
export { toRecordJson } from './record-answers.js';
export { RelayReader, type RecordPublisher } from './relay-reader.js';
