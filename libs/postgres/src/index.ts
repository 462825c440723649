export {
  openPool,
  openDirectConnection,
  inTransaction,
  sqlState,
  isUnavailable,
  waitForDatabase,
  type Pool,
  type PoolOptions,
  type Connection,
  type DirectConnection,
} from './pool.js';
export {
  readMigrations,
  migrate,
  findPendingMigrations,
  checkSchema,
  SchemaVersionError,
  OWNER_ROLE,
  type Migration,
} from './migrations.js';
export { LocalServer, type LocalServerOptions, type PostgresBinaries } from './local-server.js';
