import { HttpException } from '@nestjs/common';
import { isUnavailable } from '@runseal/postgres';
import { isRefusal, RUNTIME_STATUS, type RefusalFault, type RefusalLike } from './refusal.js';

/** An RFC 9457 problem. Members of a refusal's `detail` stand beside these. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly request_id: string;
  readonly errors?: readonly RefusalFault[];
  readonly [extension: string]: unknown;
}

/** HTTP status by refusal code. A refusal whose code is in no such map is a fault of ours: 500. */
export type StatusByCode = Readonly<Record<string, number>>;

export const PROBLEM_TYPE = 'application/problem+json';
/** What 429, 503 and 504 answers say in `Retry-After`, in seconds. */
export const RETRY_AFTER_S = 1;

/** Codes for errors that Fastify or Nest raise by themselves; `detail` replaces texts that would repeat the request. */
const FRAMEWORK_CODES: Readonly<Record<string, { code: string; detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'too_large', detail: 'The body is larger than this service accepts.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'unsupported_media_type', detail: 'Send the body as application/json.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'invalid_content_length',
    detail: 'The body is not as long as its Content-Length says.',
  },
  FST_ERR_BAD_URL: { code: 'malformed_url', detail: 'The path has a percent escape that is not UTF-8.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'uri_too_long', detail: 'A segment of the path is too long.' },
};

const STATUS_CODES: Readonly<Record<number, string>> = {
  400: 'bad_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  406: 'not_acceptable',
  408: 'request_timeout',
  409: 'conflict',
  411: 'length_required',
  412: 'precondition_failed',
  413: 'too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  422: 'unprocessable',
  429: 'too_many_requests',
  431: 'headers_too_large',
  500: 'internal_error',
  501: 'not_implemented',
  503: 'unavailable',
  504: 'timeout',
};

/**
 * Turns any error into a problem. Refusals keep their words; an unreachable database is 503 `storage_unavailable`; whatever
 * else is ours to repair becomes a 500 that tells nothing: stack, message and cause belong in the log under `request_id`.
 */
export function toProblem(error: unknown, requestId: string, statusByCode: StatusByCode): Problem {
  if (isRefusal(error)) return fromRefusal(error, requestId, statusByCode);
  const status = httpStatus(error);
  if (status === null && isOutage(error)) {
    return makeProblem(503, 'storage_unavailable', 'The database cannot be reached right now. Try again.', requestId);
  }
  if (status === null || status >= 500) {
    const code = STATUS_CODES[status ?? 500] ?? 'internal_error';
    const detail = 'The service failed. Its log has the reason under this request_id.';
    return makeProblem(status ?? 500, code, detail, requestId);
  }
  const framework = frameworkError(error);
  if (framework) return makeProblem(status, framework.code, framework.detail, requestId);
  // Nest's own 404 repeats the path; one that a controller throws says what is not there.
  const isUnrouted = status === 404 && /^(Cannot [A-Z]+ |Not Found$)/.test((error as Error).message);
  const detail = isUnrouted ? 'There is nothing at this path.' : (error as Error).message;
  return makeProblem(status, STATUS_CODES[status] ?? 'bad_request', detail, requestId);
}

export function makeProblem(status: number, code: string, detail: string, requestId: string): Problem {
  const words = code.replaceAll('_', ' ');
  const title = words.charAt(0).toUpperCase() + words.slice(1);
  return { type: `urn:runseal:problem:${code}`, title, status, detail, code, request_id: requestId };
}

function fromRefusal(refusal: RefusalLike, requestId: string, statusByCode: StatusByCode): Problem {
  const status = statusFor(refusal.code, statusByCode) ?? statusFor(refusal.code, RUNTIME_STATUS);
  if (status === undefined) {
    return makeProblem(
      500,
      'internal_error',
      'The service failed. Its log has the reason under this request_id.',
      requestId,
    );
  }
  const problem = makeProblem(status, refusal.code, refusal.message, requestId);
  return { ...refusal.detail, ...problem, ...(refusal.errors ? { errors: refusal.errors } : {}) };
}

const statusFor = (code: string, map: StatusByCode): number | undefined =>
  Object.hasOwn(map, code) ? map[code] : undefined;

/** The 4xx or 5xx status that a framework's error carries, null where it carries none. */
function httpStatus(error: unknown): number | null {
  if (error instanceof HttpException) return error.getStatus();
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return error instanceof Error && typeof status === 'number' && status >= 400 && status < 600 ? status : null;
}

function frameworkError(error: unknown): { code: string; detail: string } | null {
  for (const candidate of causes(error)) {
    const code = (candidate as { code?: unknown }).code;
    if (typeof code === 'string' && Object.hasOwn(FRAMEWORK_CODES, code)) return FRAMEWORK_CODES[code] ?? null;
  }
  return null;
}

const isOutage = (error: unknown): boolean => causes(error).some(isUnavailable);

/** The error and what caused it, five deep. */
function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let at = error; at instanceof Error && chain.length < 5; at = at.cause) chain.push(at);
  return chain;
}
