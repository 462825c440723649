export { buildSchemaOf, schemaOf, type ProjectedRecord, type Projection, type RecordFacts } from './projection.js';
export { projectRecord } from './project-record.js';
export { Projector, type ProjectorOptions } from './projector.js';
export { ObservedReader, type ReaderState } from './observed-reader.js';
export { rebuild, type RebuildOptions, type RebuildReport } from './rebuild.js';
export { digestTables, type SchemaDigest, type TableDigest } from './digest.js';
export { defineTable, insertNewRows, insertRows, upsertRows, type RowOf, type RowTable } from './rows.js';
export type { ColumnType, ColumnValue } from './array-parameter.js';
