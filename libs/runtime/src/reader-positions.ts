import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Route } from './guard.js';
import type { Reader, Readers } from './readers.js';
import { RuntimeRefusal } from './refusal.js';

/** How long a request waits for the position that it asks for. */
export const POSITION_WAIT_MS = 5_000;
export const POSITION_HEADER = 'runseal-position';

/**
 * For routes that name a reader: waits for `?min_position=<seq>`, then tells the position in `Runseal-Position`. It is read
 * before the handler runs its queries, so the answer is at least as new as it says; `0/-1` stands for no record yet. The handler
 * does not see the parameter.
 */
export function installReaderPositions(fastify: FastifyInstance, readers: Readers): void {
  fastify.addHook('preHandler', async (request, reply) => {
    const name = request.routeOptions.config.policy?.reader;
    const reader = name === undefined ? undefined : readers.get(name);
    if (!reader) return;
    const wanted = takeMinPosition(request);
    const isReached = wanted === null || (await reader.waitFor(wanted, POSITION_WAIT_MS));
    const position = await reader.findPosition();
    void reply.header(POSITION_HEADER, position ? `${position.epoch}/${position.seq}` : '0/-1');
    if (!isReached) throw notReached(reader, wanted, position?.seq ?? -1);
  });
}

/** Throws where a route names a reader that nobody added. Called before the service listens. */
export function checkReaders(routes: readonly Route[], readers: Readers): void {
  for (const { method, path, policy } of routes) {
    if (policy?.reader === undefined || readers.get(policy.reader)) continue;
    throw new Error(`${method} ${path} wants the reader "${policy.reader}", which was not added to Readers.`);
  }
}

function takeMinPosition(request: FastifyRequest): number | null {
  const query = request.query as Record<string, unknown>;
  const text = query['min_position'];
  if (text === undefined) return null;
  delete query['min_position'];
  if (typeof text === 'string' && /^(0|[1-9][0-9]{0,14})$/.test(text)) return Number(text);
  const errors = [{ path: '/min_position', found: 'something else', wanted: 'the seq of a record' }];
  throw new RuntimeRefusal('invalid_request', 'min_position: found something else, wanted the seq of a record.', {
    errors,
  });
}

function notReached(reader: Reader, wanted: number, seq: number): RuntimeRefusal {
  return new RuntimeRefusal(
    'position_not_reached',
    `${reader.name} is at record ${seq} and did not reach ${wanted} within ${POSITION_WAIT_MS / 1_000} s. Try again soon.`,
    { detail: { position: seq, min_position: wanted } },
  );
}
