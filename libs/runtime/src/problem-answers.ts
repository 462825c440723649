import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Catch, NotFoundException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Route } from './guard.js';
import { chooseRequestId, type ServiceLog } from './logging.js';
import { makeProblem, PROBLEM_TYPE, RETRY_AFTER_S, toProblem, type StatusByCode } from './problem.js';
import { RuntimeRefusal } from './refusal.js';

/** The one place where errors become answers, from handlers, the guard, the body parser and the router alike. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: ServiceLog,
    private readonly statusByCode: StatusByCode,
    private readonly routes: readonly Route[],
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  answer(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const error =
      request.is404 && thrown instanceof NotFoundException ? this.nameMethod(thrown, request, reply) : thrown;
    // Whoever hangs up in the middle of a body gets no answer, and must not be able to fill the log with errors.
    const hasHungUp = request.raw.destroyed && !request.raw.complete;
    const problem = hasHungUp
      ? makeProblem(400, 'request_aborted', 'The body did not arrive whole.', request.id)
      : toProblem(error, request.id, this.statusByCode);
    if (hasHungUp) this.log.info({ request_id: request.id }, 'caller hung up');
    if (problem.status >= 500) this.log.error({ request_id: request.id, err: error }, 'request failed');
    if (reply.sent) return;
    if ([429, 503, 504].includes(problem.status)) void reply.header('retry-after', RETRY_AFTER_S);
    void reply.header('x-request-id', request.id).header('content-type', PROBLEM_TYPE).code(problem.status);
    // As bytes: to a text Fastify would add a charset, which this media type does not have.
    void reply.send(Buffer.from(JSON.stringify(problem)));
  }

  /** Nothing at this path for this method: where there is something for another one, that is what the caller must hear. */
  private nameMethod(error: NotFoundException, request: FastifyRequest, reply: FastifyReply): Error {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = new Set(this.routes.filter((route) => matches(route.path, path)).map((route) => route.method));
    if (allowed.size === 0 || allowed.has(request.method)) return error;
    const methods = [...allowed].join(', ');
    void reply.header('allow', methods);
    return new RuntimeRefusal('method_not_allowed', `This path takes ${methods}.`);
  }
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const found = path.split('/');
  const isOpen = wanted.at(-1) === '*';
  if (isOpen ? found.length < wanted.length : found.length !== wanted.length) return false;
  return wanted.every((step, index) => step === '*' || step.startsWith(':') || step === found[index]);
}

/** Answers what is not even a request: Node hands over the bare socket. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, detail] = CLIENT_ERRORS[error.code ?? ''] ?? MALFORMED;
  const id = chooseRequestId(undefined);
  const body = JSON.stringify(makeProblem(status, code, detail, id));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${id}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

const MALFORMED = [400, 'malformed_request', 'This is not a well-formed HTTP request.'] as const;
const CLIENT_ERRORS: Readonly<Record<string, readonly [number, string, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request_timeout', 'The request did not arrive in time.'],
  HPE_HEADER_OVERFLOW: [431, 'headers_too_large', "The request's headers are larger than this service accepts."],
};

export const requestIdOf = (request: IncomingMessage): string => chooseRequestId(request.headers['x-request-id']);
