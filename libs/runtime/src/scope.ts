import { RouteConfig } from '@nestjs/platform-fastify';

/** What a key may be allowed to do. `approve` is for persons only. */
export const SCOPE_NAMES = ['events:write', 'read', 'policy:write', 'approve', 'admin'] as const;
export type ScopeName = (typeof SCOPE_NAMES)[number];

/** The verbs of the flow, as labels of metrics. */
export type Verb = 'submit' | 'seal' | 'relay' | 'project' | 'query';

/** What the guard and the metrics read of a route. */
export interface RoutePolicy {
  /** `any`: every valid key, whatever its scopes. */
  readonly scope: ScopeName | 'any' | 'public';
  readonly verb?: Verb;
  /** A switch's name: where the service was started with it in `openSwitches`, the route needs no key. */
  readonly openedBy?: string;
  /** Whose position the answer is true for: the name of one of `Readers`. */
  readonly reader?: string;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    policy?: RoutePolicy;
  }
}

/**
 * Declares what a caller needs for this route; `public` is for everyone, `any` for every key. A route without it is refused to all, and a service
 * that has such a route does not start. Stands on the method itself: nothing is inherited from the controller.
 */
export const Scope = (scope: RoutePolicy['scope'], more: Omit<RoutePolicy, 'scope'> = {}): MethodDecorator =>
  RouteConfig({ policy: { scope, ...more } satisfies RoutePolicy });
