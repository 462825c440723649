import type { FastifyInstance, FastifyRequest, FastifyReply } from 'fastify';
import type { Authenticator, Caller } from './access/caller.js';
import { RuntimeRefusal } from './refusal.js';
import type { RoutePolicy } from './scope.js';

export interface GuardOptions {
  readonly authenticator: Authenticator;
  /** Switches (`openedBy` of a route) that are on in this service. */
  readonly openSwitches: ReadonlySet<string>;
  onFailure(reason: AuthenticationFailure): void;
}

export type AuthenticationFailure = 'missing' | 'invalid' | 'scope';

export interface Route {
  readonly method: string;
  /** The pattern, e.g. `/v1/records/:seq`. */
  readonly path: string;
  readonly policy: RoutePolicy | null;
}

/**
 * The one gate in front of every route, deny by default. It hangs on the router, not on Nest: whatever the router matched,
 * however the path was spelled and whoever registered the route, its own policy decides, before a byte of the body is read.
 * Returns the routes, which fill up as they are registered.
 */
export function installGuard(fastify: FastifyInstance, options: GuardOptions): readonly Route[] {
  const routes: Route[] = [];
  fastify.decorateRequest('caller', null);
  fastify.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      routes.push({ method, path: route.url, policy: route.config?.policy ?? null });
    }
  });
  fastify.addHook('onRequest', async (request, reply) => {
    if (!request.is404) await admit(request, reply, options);
  });
  return routes;
}

/** Throws where a route has no policy. Called before the service listens. */
export function checkRoutes(routes: readonly Route[]): void {
  const undeclared = routes.filter((route) => route.policy === null).map((route) => `${route.method} ${route.path}`);
  if (undeclared.length === 0) return;
  throw new Error(`Routes without a @Scope, which nobody could call: ${undeclared.join(', ')}.`);
}

async function admit(request: FastifyRequest, reply: FastifyReply, options: GuardOptions): Promise<void> {
  const { policy } = request.routeOptions.config;
  if (!policy) throw new RuntimeRefusal('forbidden', 'This route has no declared scope.');
  const isOpen = policy.scope === 'public' || options.openSwitches.has(policy.openedBy ?? '');
  const { authorization } = request.headers;
  // A public route looks at no key, so that a probe never waits for the database.
  if (policy.scope === 'public' || (isOpen && authorization === undefined)) return;
  if (authorization === undefined) {
    options.onFailure('missing');
    void reply.header('www-authenticate', 'Bearer realm="runseal"');
    throw new RuntimeRefusal(
      'unauthenticated',
      'This needs a key: send "Authorization: Bearer rsk_<key id>_<secret>".',
    );
  }
  const caller = await options.authenticator.authenticate(authorization);
  if (!caller) {
    options.onFailure('invalid');
    void reply.header('www-authenticate', 'Bearer realm="runseal", error="invalid_token"');
    throw new RuntimeRefusal('unauthenticated', 'This key is unknown, expired or revoked. Ask an admin for a new one.');
  }
  request.caller = caller;
  if (isOpen || policy.scope === 'any' || caller.scopes.includes(policy.scope)) return;
  options.onFailure('scope');
  void reply.header('www-authenticate', `Bearer realm="runseal", error="insufficient_scope", scope="${policy.scope}"`);
  throw new RuntimeRefusal('forbidden', lackOf(caller, policy.scope));
}

const lackOf = (caller: Caller, scope: string): string =>
  `This needs a key with the scope "${scope}"; key ${caller.keyId} has ${caller.scopes.join(', ') || 'none'}.`;
