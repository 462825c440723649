import 'reflect-metadata';
import type { Server } from 'node:http';
import { Module, type DynamicModule, type INestApplication, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator } from './access/caller.js';
import { JsonBodyPipe, installBodyParser } from './body.js';
import { closeGracefully } from './drain.js';
import { checkRoutes, installGuard, type Route } from './guard.js';
import { HealthController } from './health.js';
import { installLogging, openLog, type LogOptions, type ServiceLog } from './logging.js';
import { openManagementServer, urlOf } from './management-server.js';
import { ServiceMetrics } from './metrics.js';
import { OpenApiController, OpenApiDocument } from './openapi.js';
import { answerClientError, ProblemFilter, requestIdOf } from './problem-answers.js';
import type { StatusByCode } from './problem.js';
import { Readers } from './readers.js';
import { checkReaders, installReaderPositions } from './reader-positions.js';
import { Readiness } from './readiness.js';
import { AUTHENTICATOR, StatusController } from './status.js';

export interface ServiceOptions {
  readonly name: string;
  readonly version: string;
  /** The app's module; several apps in one process are imports of one module. */
  readonly module: Type | DynamicModule;
  readonly host: string;
  /** 0 takes a free port; see `url` of the running service. */
  readonly port: number;
  /** Null: no metrics port. */
  readonly managementPort: number | null;
  readonly log: LogOptions;
  readonly authenticator: Authenticator;
  /** Largest body in bytes, as sent and after inflation. */
  readonly bodyLimit: number;
  /** HTTP status of every refusal code that the app's libraries throw. */
  readonly refusalStatus: StatusByCode;
  /** Switches that open routes with a matching `openedBy` to callers without a key. */
  readonly openSwitches?: readonly string[];
  /** False in front of other services, which answer `/v1/status`, `/v1/whoami` and the OpenAPI document; true by default. */
  readonly hasOwnAnswers?: boolean;
  /** How long requests in flight may take once the service closes; 10 s by default. */
  readonly drainLimit_ms?: number;
  /** How long the service still takes requests while it already says that it is not ready; 0 by default. */
  readonly drainGrace_ms?: number;
  readonly timeouts?: Partial<Timeouts>;
  /** Open sockets beyond this are dropped at once; 1,000 by default. */
  readonly connectionsMax?: number;
}

export interface Timeouts {
  /** For all of a request, head and body, to arrive. */
  readonly request_ms: number;
  readonly headers_ms: number;
  /** For the next request on a connection: longer than a load balancer's 60 s, or it meets closed connections. */
  readonly keepAlive_ms: number;
}

export interface RunningService {
  readonly url: string;
  readonly managementUrl: string | null;
  /** Everything that the router answers, for tests that walk it. */
  readonly routes: readonly Route[];
  readonly app: INestApplication;
  readonly log: ServiceLog;
  /** What `close` may take before the destroy hooks: grace and drain limit together. */
  readonly drainBudget_ms: number;
  /** Drains and stops: not ready, grace, no new connections, requests in flight, destroy hooks. Never rejects twice. */
  close(): Promise<void>;
}

const TIMEOUTS: Timeouts = { request_ms: 60_000, headers_ms: 20_000, keepAlive_ms: 75_000 };
/** Node looks for late requests this often. */
const TIMEOUTS_CHECKED_MS = 1_000;
const PATH_SEGMENT_MAX = 1_000;

/**
 * Starts an app's module behind the guard, with health, logs, metrics and problem answers, and listens. Touches nothing of
 * the process: signals and exit code are `serveUntilSignal`'s. Rejects, with nothing left open, where a route lacks its
 * scope, a provider fails or a port is taken.
 */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const log = openLog(options, options.log);
  const readiness = new Readiness(log);
  const metrics = new ServiceMetrics(options);
  const provided = {
    readiness,
    metrics,
    readers: new Readers(readiness, metrics),
    openApi: new OpenApiDocument(),
    authenticator: options.authenticator,
  };
  const { app, routes } = await createApp(options, log, provided);
  let management: Server | null = null;
  try {
    await app.init();
    checkRoutes(routes);
    checkReaders(routes, provided.readers);
    provided.openApi.describe(app, options);
    if (options.managementPort !== null) {
      management = await openManagementServer(provided.metrics.registry, options.host, options.managementPort);
    }
    const server = app.getHttpServer() as Server;
    server.maxConnections = options.connectionsMax ?? 1_000;
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    management?.close();
    await app.close();
    throw error;
  }
  return runningService(options, { app, routes, management, log, readiness });
}

async function createApp(options: ServiceOptions, log: ServiceLog, provided: Provided) {
  const adapter = openAdapter(options);
  const fastify = adapter.getInstance();
  // The order of the hooks: id and log context, counting, then the guard.
  const nestLogger = installLogging(fastify, log);
  provided.metrics.observe(fastify);
  const routes = installGuard(fastify, {
    authenticator: options.authenticator,
    openSwitches: new Set(options.openSwitches),
    onFailure: (reason) => provided.metrics.countFailure(reason),
  });
  installBodyParser(fastify, options.bodyLimit);
  installReaderPositions(fastify, provided.readers);
  installHeaders(adapter, provided.readiness);
  const filter = new ProblemFilter(log, options.refusalStatus, routes);
  adapter.answerFrameworkError = (error, request, reply) => filter.answer(error, request, reply);
  const app = await NestFactory.create<NestFastifyApplication>(runtimeModule(options, provided), adapter, {
    logger: nestLogger,
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(filter);
  app.useGlobalPipes(new JsonBodyPipe());
  return { app, routes };
}

interface Started {
  readonly app: NestFastifyApplication;
  readonly routes: readonly Route[];
  readonly management: Server | null;
  readonly log: ServiceLog;
  readonly readiness: Readiness;
}

function runningService(options: ServiceOptions, started: Started): RunningService {
  const { app, routes, management, log, readiness } = started;
  const server = app.getHttpServer() as Server;
  const url = urlOf(server);
  log.info({ url }, 'service is listening');
  const drain = { grace_ms: options.drainGrace_ms ?? 0, limit_ms: options.drainLimit_ms ?? 10_000, log, readiness };
  let closing: Promise<void> | null = null;
  return {
    url,
    managementUrl: management ? urlOf(management) : null,
    routes,
    app,
    log,
    drainBudget_ms: drain.grace_ms + drain.limit_ms,
    close: () => (closing ??= closeGracefully({ app, server, management }, drain)),
  };
}

class ServiceAdapter extends FastifyAdapter {
  answerFrameworkError: ProblemFilter['answer'] = () => undefined;
}

function openAdapter(options: ServiceOptions): ServiceAdapter {
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const adapter: ServiceAdapter = new ServiceAdapter({
    logger: false,
    bodyLimit: options.bodyLimit,
    requestIdHeader: false,
    genReqId: requestIdOf,
    requestTimeout: timeouts.request_ms,
    keepAliveTimeout: timeouts.keepAlive_ms,
    http: { headersTimeout: timeouts.headers_ms, connectionsCheckingInterval: TIMEOUTS_CHECKED_MS },
    routerOptions: { maxParamLength: PATH_SEGMENT_MAX },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      adapter.answerFrameworkError(error, request, reply),
    // No Nest middleware: it matches paths by rules of its own, which have differed from the router's more than once.
    skipMiddie: true,
    multipart: false,
  });
  return adapter;
}

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Careful headers for data that only programs read; a route that serves pages sets its own, which stay. */
function installHeaders(adapter: FastifyAdapter, readiness: Readiness): void {
  adapter.getInstance().addHook('onSend', (_request, reply, payload, done) => {
    for (const [name, value] of Object.entries(HEADERS)) if (!reply.hasHeader(name)) void reply.header(name, value);
    // Tells clients with open connections to come back elsewhere.
    if (readiness.draining.aborted) void reply.header('connection', 'close');
    done(null, payload);
  });
}

interface Provided {
  readonly readiness: Readiness;
  readonly metrics: ServiceMetrics;
  readonly readers: Readers;
  readonly openApi: OpenApiDocument;
  readonly authenticator: Authenticator;
}

/** Global, because every app's module may inject `Readiness`, `Readers` and `ServiceMetrics`, alone or composed with others. */
function runtimeModule({ module, hasOwnAnswers = true }: ServiceOptions, provided: Provided): DynamicModule {
  return {
    module: RuntimeModule,
    global: true,
    imports: [module],
    controllers: [HealthController, ...(hasOwnAnswers ? [OpenApiController, StatusController] : [])],
    providers: [
      { provide: Readiness, useValue: provided.readiness },
      { provide: ServiceMetrics, useValue: provided.metrics },
      { provide: Readers, useValue: provided.readers },
      { provide: OpenApiDocument, useValue: provided.openApi },
      { provide: AUTHENTICATOR, useValue: provided.authenticator },
    ],
    exports: [Readiness, Readers, ServiceMetrics],
  };
}

@Module({})
class RuntimeModule {}
