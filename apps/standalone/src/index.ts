export { startStandalone, type Standalone, type StandaloneOptions } from './start-standalone.js';
export { serveStandaloneUntilSignal } from './serve-until-signal.js';
