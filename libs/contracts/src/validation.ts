import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { StreamKind } from './define-event.js';
import { definitions, type EventType } from './event-types.js';
import { limits } from './limits.js';
import { Refusal, type RefusalCode, type RefusalError } from './refusal.js';
import { patternWords } from './scalars.js';
import { eventSchema, requestShellSchema, streamPatterns, streamWords, type SubmittedEvent } from './submission.js';

/**
 * Says why an event may not be sealed, or null if it is a `SubmittedEvent` with a payload of its type and version.
 * It changes nothing in the event. `index` is the event's place in its request. Sizes, depth, authority and secrets
 * are not looked at here.
 */
export function validateEvent(event: unknown, index?: number): Refusal | null {
  if (!validateShell(event)) return refuse('invalid_event', explain(validateShell.errors, '', index));
  const { type, version, stream, payload } = event as SubmittedEvent;
  const versions = byType.get(type);
  if (!versions) {
    return refuse('unknown_event_type', at(index, '/type', type, `one of ${[...byType.keys()].join(', ')}`));
  }
  const known = versions.get(version);
  if (!known) {
    const wanted = `a version of ${type}: ${[...versions.keys()].join(', ')}`;
    return refuse('unknown_event_version', at(index, '/version', version, wanted));
  }
  if (!known.streamPattern.test(stream)) {
    return refuse('wrong_stream', at(index, '/stream', stream, streamWords[known.streamKind]));
  }
  const validate = known.payloadValidator();
  return validate(payload) ? null : refuse('invalid_payload', explain(validate.errors, '/payload', index));
}

/**
 * Says why a request's body is refused, or null if it is an `EventRequest`. All events that share the first fault's
 * code are named, one fault each, so that a client can set every one of them aside at once.
 */
export function validateRequest(body: unknown): Refusal | null {
  if (!validateRequestShell(body)) return refuse('invalid_request', explain(validateRequestShell.errors, ''));
  const { events } = body as { events: unknown[] };
  if (events.length > limits.eventsPerRequest) {
    return refuse('too_many_events', at(undefined, '/events', events.length, `at most ${limits.eventsPerRequest}`));
  }
  const refusals = events.map(validateEvent).filter((refusal) => refusal !== null);
  const first = refusals[0];
  if (!first) return null;
  const alike = refusals.filter(({ code }) => code === first.code).flatMap(({ errors }) => errors);
  return new Refusal(first.code, first.message, alike);
}

/** Whether a payload fits the schema of a type's version; false where there is no such version. */
export function isPayload(type: EventType, version: number, payload: unknown): boolean {
  return byType.get(type)?.get(version)?.payloadValidator()(payload) ?? false;
}

const ajv = new Ajv2020({
  strict: true,
  strictTypes: false,
  allowUnionTypes: true,
  discriminator: true,
  verbose: true,
});

const validateShell = ajv.compile(eventSchema);
const validateRequestShell = ajv.compile(requestShellSchema);

interface KnownVersion {
  streamKind: StreamKind;
  streamPattern: RegExp;
  payloadValidator: () => ValidateFunction;
}

const byType = new Map<string, Map<number, KnownVersion>>();
for (const { type, version, streamKind, payload } of definitions) {
  const versions = byType.get(type) ?? new Map<number, KnownVersion>();
  byType.set(type, versions);
  // Compiled at first use: a client that sends five types does not pay for the rest at its start.
  let validator: ValidateFunction | undefined;
  versions.set(version, {
    streamKind,
    streamPattern: new RegExp(streamPatterns[streamKind], 'u'),
    payloadValidator: () => (validator ??= ajv.compile(payload)),
  });
}

function refuse(code: RefusalCode, error: RefusalError): Refusal {
  const where = error.index === undefined ? '' : `event ${error.index}, `;
  return new Refusal(code, `${where}${error.path || 'the whole'}: found ${error.found}, wanted ${error.wanted}`, [
    error,
  ]);
}

const at = (index: number | undefined, path: string, found: unknown, wanted: string): RefusalError => ({
  ...(index === undefined ? {} : { index }),
  path,
  found: shown(found),
  wanted,
});

/** Turns ajv's last word into a place, what was there and what belongs there. */
function explain(errors: ErrorObject[] | null | undefined, prefix: string, index?: number): RefusalError {
  const all = errors ?? [];
  const last = all.at(-1);
  // These two only wrap the fault that comes before them.
  const fault = last?.keyword === 'if' || last?.keyword === 'propertyNames' ? (all.at(-2) ?? last) : last;
  if (!fault) throw new Error('validation: found a failure without an error, wanted one');
  const { member, found } = place(fault);
  const path = prefix + fault.instancePath + (member === undefined ? '' : `/${escaped(member)}`);
  return at(index, path, found, wanted(fault));
}

function place({ keyword, params, data, propertyName }: ErrorObject): { member?: string; found: unknown } {
  if (keyword === 'required') return { member: String(params['missingProperty']), found: undefined };
  if (keyword === 'discriminator') return { member: String(params['tag']), found: params['tagValue'] };
  if (keyword === 'additionalProperties') {
    const member = String(params['additionalProperty']);
    return { member, found: (data as Record<string, unknown>)[member] };
  }
  return propertyName === undefined ? { found: data } : { member: propertyName, found: propertyName };
}

function wanted({ keyword, params, message, parentSchema, propertyName }: ErrorObject): string {
  const { description, properties, oneOf } = (parentSchema ?? {}) as {
    description?: string;
    properties?: Record<string, { description?: string }>;
    oneOf?: { properties: Record<string, { const?: unknown }> }[];
  };
  if (keyword === 'additionalProperties') return 'no such member';
  if (keyword === 'required') return properties?.[String(params['missingProperty'])]?.description ?? 'this member';
  if (keyword === 'enum') return `one of ${shown(params['allowedValues'])}`;
  if (keyword === 'const') return shown(params['allowedValue']);
  if (keyword === 'discriminator') {
    return `one of ${(oneOf ?? []).map(({ properties: of }) => shown(of[String(params['tag'])]?.const)).join(', ')}`;
  }
  if (keyword === 'anyOf' && description) return description;
  const rule = patternWords[String(params['pattern'])] ?? (message ?? keyword).replace(/^must (be )?/, '');
  return description && propertyName === undefined ? `${rule} (${description})` : rule;
}

const escaped = (member: string) => member.replaceAll('~', '~0').replaceAll('/', '~1');

/** Short enough for a message: a payload's value can be large, and no message should carry it whole. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value) && value.length > 20) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return 'an object';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
