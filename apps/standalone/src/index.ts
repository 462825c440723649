export { allMigrations } from './all-migrations.js';
export { startStandalone, type Standalone, type StandaloneOptions } from './start-standalone.js';
export { lockFolder, type FolderLock } from './folder-lock.js';
export { serveStandaloneUntilSignal } from './serve-until-signal.js';
