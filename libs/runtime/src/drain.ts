import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import type { ServiceLog } from './logging.js';
import type { Readiness } from './readiness.js';
import type { RunningService } from './start-service.js';

interface Open {
  readonly app: INestApplication;
  readonly server: Server;
  readonly management: Server | null;
}

interface DrainOptions {
  readonly grace_ms: number;
  readonly limit_ms: number;
  readonly log: ServiceLog;
  readonly readiness: Readiness;
}

/**
 * Not ready, grace, no new connections, requests in flight end, then Nest's hooks. Nest alone would run its destroy hooks,
 * which close pools, before the requests that need them have ended. After the limit the connections left are cut: whoever
 * waited on one got no answer and must send again.
 */
export async function closeGracefully({ app, server, management }: Open, options: DrainOptions): Promise<void> {
  options.log.info('service is draining');
  options.readiness.startDraining();
  if (options.grace_ms > 0) await new Promise((resolve) => setTimeout(resolve, options.grace_ms));
  const ended = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    options.log.warn(`requests did not end within ${options.limit_ms} ms and are cut off`);
    server.closeAllConnections();
  }, options.limit_ms);
  await ended;
  clearTimeout(timer);
  await app.close();
  management?.close();
  management?.closeAllConnections();
  options.log.info('service is closed');
}

/** Time for Nest's destroy hooks beyond the drain, before the process ends all the same. */
const HOOKS_LIMIT_MS = 15_000;

/**
 * Closes the service at SIGTERM or SIGINT and ends the process: exit code 0 after a clean end, 1 where closing failed or
 * hung, and at once where a second signal comes. The only thing here that touches the process.
 */
export function serveUntilSignal(service: RunningService): void {
  let isClosing = false;
  const end = (signal: NodeJS.Signals) => {
    if (isClosing) process.exit(1);
    isClosing = true;
    service.log.info({ signal }, 'signal received');
    setTimeout(() => process.exit(1), service.drainBudget_ms + HOOKS_LIMIT_MS).unref();
    service.close().then(
      () => process.exit(0),
      (err: unknown) => {
        service.log.fatal({ err }, 'closing failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end).on('SIGINT', end);
}
