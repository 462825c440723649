// The member types that the events are made of. Each is plain JSON Schema (draft 2020-12) without custom keywords, and
// its patterns use nothing that Python's `re` reads differently.
import { Type, type Static, type TSchema } from 'typebox';
import { limits } from './limits.js';

const uuidTail = '-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const dayOfMonth =
  '(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))';
const leapYear = '(?:[0-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)';

export const patterns = {
  uuid: `^[0-9a-f]{8}${uuidTail}$`,
  /** Version 7 from clients, version 8 where the id is derived from content. */
  eventId: '^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
  digest: '^sha256:[0-9a-f]{64}$',
  hash: '^[0-9a-f]{64}$',
  /** Install and ledger names. */
  name: '^[a-z0-9][a-z0-9.-]{0,62}$',
  streamId: '^[A-Za-z0-9._:-]{1,200}$',
  stream: '^[a-z]+/[A-Za-z0-9._:-]{1,200}$',
  eventType: '^[a-z]+\\.[a-z]+(?:-[a-z]+)*$',
  slug: '^[a-z0-9][a-z0-9._-]{0,62}$',
  annotation: '^[a-z0-9_.-]{1,100}$',
  /** The first 64 bits of a row's hash. */
  rowHash: '^[0-9a-f]{16}$',
  /** RFC 3339, upper-case T and Z, a zone, at most 9 fraction digits, days that the calendar has; no leap second. */
  time:
    `^(?!0000)(?:[0-9]{4}-${dayOfMonth}|${leapYear}-02-29)` +
    'T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$',
  /** No NUL: readers keep texts in columns that cannot hold it. */
  text: '^[^\\u0000]*$',
  principal: '^p_[a-z0-9]{26}$',
  verifierKey: '^[^ +\\u0000-\\u001f]{1,200}\\+[0-9a-f]{8}\\+[A-Za-z0-9+/]{44}$',
  refusalCode: '^[a-z]+(?:_[a-z]+)*$',
  client: '^[A-Za-z0-9._-]{1,64}/[A-Za-z0-9._+-]{1,64}$',
  asserted: '^/(?:occurred_at|payload(?:/[^\\u0000]*)?)$',
  /** A key of a free map; `__proto__` would reach an object's prototype in careless readers. */
  mapKey: '^(?!__proto__$)[^\\u0000-\\u001f\\u007f]{1,250}$',
} as const;

/** What a pattern means, for messages. */
export const patternWords: Readonly<Record<string, string>> = {
  [patterns.uuid]: 'a UUID, lower-case with hyphens',
  [patterns.eventId]: 'a UUID of version 7 (8 where derived), lower-case with hyphens',
  [patterns.digest]: 'sha256: and 64 lower-case hex digits',
  [patterns.hash]: '64 lower-case hex digits',
  [patterns.name]: 'a name of lower-case letters, digits, dots and hyphens, at most 63',
  [patterns.streamId]: 'letters, digits and . _ : -, at most 200',
  [patterns.stream]: '<kind>/<id>',
  [patterns.eventType]: '<kind>.<what-happened>',
  [patterns.slug]: 'a word of lower-case letters, digits and . _ -, at most 63',
  [patterns.annotation]: 'a name of lower-case letters, digits and _ . -, at most 100',
  [patterns.rowHash]: '16 lower-case hex digits',
  [patterns.time]: 'an RFC 3339 time with a zone, such as 2026-01-26T10:30:00.123Z, on a day that the calendar has',
  [patterns.text]: 'text without NUL',
  [patterns.principal]: 'a principal: p_ and 26 base32 characters',
  [patterns.verifierKey]: 'a verifier key: <name>+<8 hex digits>+<base64>',
  [patterns.client]: '<name>/<version>',
  [patterns.asserted]: 'a JSON pointer to /occurred_at, /payload or below',
  [patterns.mapKey]: 'a name of at most 250 characters without control characters, and not __proto__',
};

const matching = (pattern: string, description: string) => Type.String({ pattern, description });

export const digest = (description: string) => matching(patterns.digest, description);
export const uuid = (description: string) => matching(patterns.uuid, description);
export const eventId = (description: string) => matching(patterns.eventId, description);
export const hash = (description: string) => matching(patterns.hash, description);
export const name = (description: string) => matching(patterns.name, description);
export const slug = (description: string) => matching(patterns.slug, description);
export const time = (description: string) => matching(patterns.time, description);
export const matched = matching;

/** Free text without NUL; lengths count code points. Where nothing is known it is null, not empty, unless told. */
export const text = (description: string, lengthMax = 1000, lengthMin = 1) =>
  Type.String({ minLength: lengthMin, maxLength: lengthMax, pattern: patterns.text, description });

/** A whole number that every JSON reader holds exactly; from 0 unless told. */
export const integer = (description: string, minimum = 0) =>
  Type.Integer({ minimum, maximum: limits.integerMax, description });

export const finite = (description: string) => Type.Number({ description });
export const flag = (description: string) => Type.Boolean({ description });

export const oneOf = <const Values extends readonly string[]>(values: Values, description: string) =>
  Type.Unsafe<Values[number]>({ type: 'string', enum: [...values], description });

/** A closed object: every member is there, nothing else is. */
export const closed = <Members extends Record<string, TSchema>>(members: Members, options: object = {}) =>
  Type.Object(members, { additionalProperties: false, ...options });

export const list = <Item extends TSchema>(items: Item, description: string, sizes: { min?: number; max: number }) =>
  Type.Array(items, { description, maxItems: sizes.max, ...(sizes.min === undefined ? {} : { minItems: sizes.min }) });

/** A free map: names chosen by the caller, values of one type. */
export const map = <Value extends TSchema>(values: Value, description: string, sizes: { min?: number; max: number }) =>
  Type.Unsafe<Record<string, Static<Value>>>({
    type: 'object',
    propertyNames: { pattern: patterns.mapKey },
    additionalProperties: values,
    maxProperties: sizes.max,
    ...(sizes.min === undefined ? {} : { minProperties: sizes.min }),
    description,
  });

/** The same type or null, for a fact that the source cannot tell. Not for unions: they have no `type` to widen. */
export const nullable = <Of extends TSchema>(schema: Of) => {
  const { type, enum: values, ...rest } = schema as { type?: string; enum?: unknown[] };
  if (type === undefined) throw new Error('nullable: found a schema without "type", wanted one with it');
  return Type.Unsafe<Static<Of> | null>({ type: [type, 'null'], ...(values && { enum: [...values, null] }), ...rest });
};

/** One of several closed objects, told apart by a literal member. `discriminator` is left out where it is published. */
export const taggedUnion = <Members extends TSchema[]>(tag: string, members: readonly [...Members]) =>
  Type.Unsafe<Static<Members[number]>>({
    type: 'object',
    discriminator: { propertyName: tag },
    oneOf: [...members],
  });

/** A metric's value: any finite double, and the three that JSON has no literal for as strings. */
export const metricValue = (description: string) =>
  Type.Unsafe<number | 'NaN' | 'Infinity' | '-Infinity'>({
    anyOf: [{ type: 'number' }, { type: 'string', enum: ['NaN', 'Infinity', '-Infinity'] }],
    description,
  });

/** JSON pointers into the event as submitted, to what a person stated and nobody read, measured or hashed. */
export const asserted = list(
  matching(patterns.asserted, 'a pointer such as /payload/revision or /occurred_at; it covers all that lies below it'),
  'JSON pointers (RFC 6901) into the event to the facts that were stated by a person rather than read, measured or hashed by the client; empty when there is none',
  { max: 200 },
);
