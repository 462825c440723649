import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { Logger as NestLogger, PinoLogger } from 'nestjs-pino';
import { pino, type DestinationStream, type Logger } from 'pino';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type ServiceLog = Logger;

export interface LogOptions {
  readonly level: LogLevel;
  /** Where the lines go; standard output if absent. */
  readonly destination?: DestinationStream;
}

/** A pino log of JSON lines. Errors are reduced to type, message, code, stack and cause: a driver's error also holds row values. */
export function openLog(service: { name: string; version: string }, options: LogOptions): ServiceLog {
  return pino(
    {
      level: options.level,
      base: { service: service.name, version: service.version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: describeError, req: () => undefined, res: () => undefined },
      redact: { paths: SECRET_PATHS, censor: '[redacted]' },
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

/** A second line of defence: nothing here logs a request's headers. No wildcards, which would cost a tenth of every request. */
const SECRET_PATHS = ['authorization', 'headers.authorization', 'secret', 'password', 'api_key', 'database_url'];

interface ErrorDescription {
  readonly type: string;
  readonly message: string;
  readonly code?: unknown;
  readonly stack?: string | undefined;
  readonly cause?: ErrorDescription;
}

function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(error.cause === undefined || depth > 4 ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

const SANE_REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** The caller's X-Request-Id where it is harmless in a log and a header, else a new one. */
export function chooseRequestId(header: string | string[] | undefined): string {
  return typeof header === 'string' && SANE_REQUEST_ID.test(header) ? header : randomUUID();
}

/** Probes ask all day; their answers are logged at debug only. */
const QUIET_ROUTES = new Set(['/health/live', '/health/ready']);

/**
 * One line an answered request, without its query string, and every other line of a request under its id. Returns what Nest
 * logs through. Works as a hook of Fastify, since a Nest middleware matches paths by rules of its own.
 */
export function installLogging(fastify: FastifyInstance, log: ServiceLog): NestLogger {
  const params = { pinoHttp: { logger: log }, useExisting: true } as const;
  const context = new PinoLogger(params);
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    context.runInContext(done, { bindings: { request_id: request.id } });
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const level =
      reply.statusCode >= 500 ? 'error' : QUIET_ROUTES.has(request.routeOptions.url ?? '') ? 'debug' : 'info';
    log[level](
      {
        request_id: request.id,
        method: request.method,
        route: request.is404 ? null : request.routeOptions.url,
        path: request.url.split('?', 1)[0]?.slice(0, 500),
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime * 100) / 100,
        ...(request.caller ? { principal: request.caller.principal, key_id: request.caller.keyId } : {}),
      },
      'request answered',
    );
    done();
  });
  return new NestLogger(context, params);
}
