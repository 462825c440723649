import { serveUntilSignal } from '@runseal/runtime';
import type { Standalone } from './start-standalone.js';

/** Closes at SIGTERM or SIGINT, Postgres last, and ends the process: 0 after a clean end, at once at a second signal. */
export function serveStandaloneUntilSignal(standalone: Standalone): void {
  serveUntilSignal({ ...standalone.service, close: () => standalone.close() });
}
