import { refusalCodes, type KnownRecord, type RefusalError } from '@runseal/contracts';
import { isReceipt, type Receipt } from './receipt.js';

/** Where events are sent. The key goes into one header and nowhere else. */
export interface Door {
  url: string;
  apiKey: string;
  timeout_ms?: number;
}

/** An RFC 9457 problem, as far as the client acts on it. */
export interface Problem {
  status: number;
  code: string | null;
  detail: string;
  errors: readonly Partial<RefusalError>[];
}

/** What came of a request: `refused` concerns its events, `hold` the caller or the ledger, `retry` the moment. */
export type Answer =
  | { kind: 'sealed'; receipts: Receipt[] }
  | { kind: 'refused'; problem: Problem }
  | { kind: 'epoch_changed'; epoch: number; keptSize: number }
  | { kind: 'hold'; problem: Problem }
  | { kind: 'retry'; why: string; after_ms: number };

const TIMEOUT_MS = 30_000;

/**
 * Posts events given as their JSON texts. Never throws: a network fault, a timeout or an answer that is not the server's
 * own is `retry`. Redirects are not followed, so that the key is shown to nobody else.
 */
export async function postEvents(door: Door, texts: readonly string[], known: KnownRecord | null): Promise<Answer> {
  const body = `{"events":[${texts.join(',')}]${known ? `,"known":${JSON.stringify(known)}` : ''}}`;
  try {
    const response = await fetch(`${door.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${door.apiKey}`, 'content-type': 'application/json' },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(door.timeout_ms ?? TIMEOUT_MS),
    });
    const text = await response.text();
    return readAnswer(response.status, response.headers.get('retry-after'), { text, count: texts.length });
  } catch (error) {
    return { kind: 'retry', why: explainFault(error), after_ms: 0 };
  }
}

/** Posts to another path: the status (0: no answer) and the object that came back, empty where none did. Never throws. */
export async function postJson(
  door: Door,
  { path, body, signal }: { path: string; body: object; signal: AbortSignal },
): Promise<{ status: number; body: Record<string, unknown> }> {
  try {
    const response = await fetch(door.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${door.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(door.timeout_ms ?? TIMEOUT_MS)]),
    });
    return { status: response.status, body: parseObject(await response.text()) };
  } catch {
    return { status: 0, body: {} };
  }
}

/** Pure part of `postEvents`: what a status and a body mean for a request of `count` events. */
export function readAnswer(
  status: number,
  retryAfter: string | null,
  { text, count }: { text: string; count: number },
): Answer {
  const body = parseObject(text);
  if (status >= 200 && status < 300) {
    const receipts: unknown = body['receipts'];
    if (Array.isArray(receipts) && receipts.length === count && receipts.every(isReceipt)) {
      return { kind: 'sealed', receipts };
    }
    return { kind: 'retry', why: 'the answer holds no receipts: is this the address of Runseal?', after_ms: 0 };
  }
  const problem = readProblem(status, body);
  const { code } = problem;
  if (status === 401 || status === 403 || code === 'ledger_rewound') return { kind: 'hold', problem };
  if (code === 'epoch_changed') return readEpochChange(body);
  if (blamesEvents(problem)) return { kind: 'refused', problem };
  const after_ms = readRetryAfter(retryAfter, Date.now());
  return { kind: 'retry', why: `the server answered ${status}${code ? ` (${code})` : ''}`, after_ms };
}

/**
 * Whether the refusal is about what was sent. A 400 that is not one of our codes (a proxy's, a broken transport's) could
 * mean anything, and events are not set aside for that; a proxy's 413 means the same as ours.
 */
function blamesEvents({ status, code, errors }: Problem): boolean {
  if (status === 413) return true;
  if (status === 409) return code === 'event_id_conflict' || code === 'version_conflict';
  const isKnown = code !== null && Object.hasOwn(refusalCodes, code);
  return (status === 400 || status === 422) && (isKnown || errors.some(({ index }) => index !== undefined));
}

/** Milliseconds of a Retry-After header: seconds or an HTTP date; 0 where there is none. At most ten minutes. */
export function readRetryAfter(header: string | null, now: number): number {
  if (header === null) return 0;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(wait, 0), 600_000);
}

function readEpochChange(body: Record<string, unknown>): Answer {
  const { epoch, kept_size: keptSize } = body;
  if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(keptSize)) {
    return { kind: 'retry', why: 'epoch_changed without epoch and kept_size', after_ms: 0 };
  }
  return { kind: 'epoch_changed', epoch: epoch as number, keptSize: keptSize as number };
}

function readProblem(status: number, body: Record<string, unknown>): Problem {
  const { code, detail, title, errors } = body;
  return {
    status,
    code: typeof code === 'string' && /^[a-z]+(?:_[a-z]+)*$/.test(code) ? code : null,
    detail: String(detail ?? title ?? `status ${status}`).slice(0, 1000),
    errors: Array.isArray(errors) ? errors.filter((error) => error !== null && typeof error === 'object') : [],
  };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** fetch hides the reason in `cause`: ECONNREFUSED, ENOTFOUND, a certificate's fault. */
function explainFault(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return 'the server did not answer in time';
  return cause?.code ?? cause?.message ?? message;
}
