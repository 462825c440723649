import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RuntimeRefusal } from '../refusal.js';
import type { ScopeName } from '../scope.js';

export type PrincipalKind = 'person' | 'service';

/** Who is calling, as far as an event's actor, authority and tenancy are concerned. */
export interface Caller {
  /** Opaque id, `p_` and 26 characters: never a name. */
  readonly principal: string;
  readonly kind: PrincipalKind;
  readonly ledger: string;
  readonly scopes: readonly ScopeName[];
  readonly keyId: string;
}

/**
 * Finds out who sent a request from its Authorization header. Null: nobody that we know, for whatever reason; what was wrong
 * is not told. Rejects only when it cannot find out now. API keys are one adapter; another kind of token is another one.
 */
export interface Authenticator {
  authenticate(authorization: string): Promise<Caller | null>;
  /** The name of a principal for people to read; null where it was erased. */
  findName?(principal: string): Promise<string | null>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null on a public route that was called without a key. */
    caller: Caller | null;
  }
}

/** The caller of a route that needs a scope. Throws `unauthenticated` on a public route that was called without a key. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller)
    throw new RuntimeRefusal('unauthenticated', 'This needs a key: send "Authorization: Bearer rsk_...".');
  return request.caller;
}

/** `callerOf` as a parameter of a controller's method. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<FastifyRequest>()),
);
