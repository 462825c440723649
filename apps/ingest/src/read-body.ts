import { limits, Refusal, type RefusalCode, type RefusalError } from '@runseal/contracts';
import { isRefusal, parseStrictJson, type JsonCode } from '@runseal/runtime';

/** What the parser tells apart, in the codes that the contracts promise: clients set an event aside only for a code they know. */
const PROMISED: Readonly<Record<JsonCode, RefusalCode>> = {
  invalid_json: 'invalid_json',
  invalid_utf8: 'invalid_encoding',
  byte_order_mark: 'invalid_encoding',
  nul_character: 'invalid_encoding',
  lone_surrogate: 'invalid_encoding',
  number_overflow: 'invalid_number',
  inexact_integer: 'invalid_number',
  duplicate_key: 'duplicate_key',
  forbidden_key: 'invalid_event',
  too_deep: 'too_deep',
};

/** Parses a body strictly. Throws a Refusal that names the event at fault, where the fault lies inside one. */
export function readBody(body: Uint8Array): unknown {
  try {
    return parseStrictJson(body, { depthMax: limits.jsonDepth });
  } catch (error) {
    if (!isRefusal(error) || !Object.hasOwn(PROMISED, error.code)) throw error;
    const errors = (error.errors ?? []).map(locate);
    throw new Refusal(PROMISED[error.code as JsonCode], error.message, errors, {
      cause: error,
      ...(error.detail ? { detail: error.detail } : {}),
    });
  }
}

function locate({ path, found, wanted }: { path: string; found: string; wanted: string }): RefusalError {
  const [, index, rest = ''] = /^\/events\/(\d+)(\/.*)?$/s.exec(path) ?? [];
  return index === undefined ? { path, found, wanted } : { index: Number(index), path: rest, found, wanted };
}
