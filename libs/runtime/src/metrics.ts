import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { FastifyInstance } from 'fastify';
import type { AuthenticationFailure } from './guard.js';

const DURATION_BUCKETS_S = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/**
 * The numbers of one service. Inject it to register more into `registry`; labels must come from small closed sets, never from
 * what a caller sends.
 */
export class ServiceMetrics {
  readonly registry = new Registry();
  private readonly requests = new Counter({
    name: 'runseal_http_requests_total',
    help: 'Answered HTTP requests; route is the pattern, verb the step of the flow',
    labelNames: ['method', 'route', 'status', 'verb'],
    registers: [this.registry],
  });
  private readonly duration = new Histogram({
    name: 'runseal_http_request_duration_seconds',
    help: 'From the first byte of the head to the last byte of the answer',
    labelNames: ['verb'],
    buckets: DURATION_BUCKETS_S,
    registers: [this.registry],
  });
  private readonly inFlight = new Gauge({
    name: 'runseal_http_requests_in_flight',
    help: 'HTTP requests that are being worked on',
    registers: [this.registry],
  });
  private readonly failures = new Counter({
    name: 'runseal_authentication_failures_total',
    help: 'Refused callers: no key, an invalid key, or a key without the scope',
    labelNames: ['reason'],
    registers: [this.registry],
  });

  constructor(service: { name: string; version: string }) {
    const { registry } = this;
    registry.setDefaultLabels({ service: service.name });
    collectDefaultMetrics({ register: registry });
    new Gauge({ name: 'runseal_build_info', help: 'Always 1', labelNames: ['version'], registers: [registry] }).set(
      { version: service.version },
      1,
    );
    for (const reason of ['missing', 'invalid', 'scope'] as const) this.failures.inc({ reason }, 0);
  }

  countFailure(reason: AuthenticationFailure): void {
    this.failures.inc({ reason });
  }

  /** Counts every request that reaches Fastify; one that matches no route counts under the route `none`. */
  observe(fastify: FastifyInstance): void {
    fastify.addHook('onRequest', (_request, _reply, done) => {
      this.inFlight.inc();
      done();
    });
    fastify.addHook('onResponse', (request, reply, done) => {
      const { url, config } = request.routeOptions;
      const route = request.is404 ? 'none' : (url ?? 'none');
      const verb = config.policy?.verb ?? 'none';
      this.inFlight.dec();
      this.requests.inc({ method: request.method, route, status: reply.statusCode, verb });
      this.duration.observe({ verb }, reply.elapsedTime / 1_000);
      done();
    });
  }
}
