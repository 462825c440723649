// What the package publishes beside its code: JSON Schemas as files and the page that documents the events.
import type { EventDefinition } from './define-event.js';
import { definitions } from './event-types.js';
import { eventSchema, requestSchema, streamWords } from './submission.js';

const draft = 'https://json-schema.org/draft/2020-12/schema';

/** File name to text of every published schema: one a payload, the event and the request. Standard keywords only. */
export function schemaFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const { type, version, purpose, payload } of definitions) {
    files.set(`${type}.v${version}.json`, schemaText(`payload:${type}:${version}`, purpose, payload));
  }
  files.set(
    'event.json',
    schemaText('event', 'An event as submitted; its payload has a schema by type and version.', eventSchema),
  );
  files.set('request.json', schemaText('request', 'Body of POST /v1/events.', requestSchema));
  return files;
}

/** Name of the example that shows one version of one type; never edited once published. */
export const exampleName = ({ type, version }: Pick<EventDefinition, 'type' | 'version'>) => `${type}.v${version}.json`;

/** `docs/events.md`, from the definitions and the text of their example files by name. */
export function eventsPage(examples: ReadonlyMap<string, string>): string {
  return `${intro()}\n${definitions.map((definition) => section(definition, examples)).join('\n')}`;
}

const intro = () => `# Events

<!-- Generated from libs/contracts by \`npm run documents -w @runseal/contracts\`; edits here are lost. -->

An event goes in by \`POST /v1/events\` and is sealed as it is: nothing is defaulted, coerced or removed.
Every member of a payload is required and no other is allowed. **null** says that the source does not tell; it is never
written for a forgotten fact, and a later event's null erases nothing. An empty list says that there is none.

- Metric values are finite numbers or the strings "NaN", "Infinity", "-Infinity".
- Integers are at most 2^53 - 1. Digests are \`sha256:\` and 64 lower-case hex digits.
- Times are RFC 3339 with a zone, upper-case T and Z, at most 9 fraction digits, on a day that the calendar has, without
  leap seconds.
- \`asserted\` lists JSON pointers into the event to what a person stated; the rest was read, measured or hashed by the client.
- Free maps take any name of at most 250 characters without control characters; \`__proto__\` is refused.
- Texts hold no NUL.

A payload's JSON Schema (draft 2020-12) is \`libs/contracts/schemas/<type>.v<version>.json\`; \`event.json\` and
\`request.json\` hold what surrounds it. A change of any payload is a new version; old versions stay readable.

| event | stream | class | sealed by |
|---|---|---|---|
${definitions.map((one) => `| [${one.type}](#${anchor(one)}) | ${one.streamKind} | ${one.class} | ${one.sealedBy} |`).join('\n')}
`;

function section(definition: EventDefinition, examples: ReadonlyMap<string, string>): string {
  const { type, version, purpose, class: retention, sealedBy, streamKind, payload } = definition;
  const example = examples.get(exampleName(definition));
  if (example === undefined) throw new Error(`documents: found no example of ${type} version ${version}, wanted one`);
  const schema = payload as Schema;
  const tables = (schema.oneOf ?? [schema]).map((one) => `${membersTable(one)}\n`);
  return `## ${type}, version ${version}

${purpose}

Stream \`${streamWords[streamKind]}\`, class \`${retention}\`, sealed by \`${sealedBy}\`.

${tables.join('\n')}
\`\`\`json
${example.trimEnd()}
\`\`\`
`;
}

/** The part of JSON Schema that the definitions use. */
interface Schema {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | false;
  pattern?: string;
  description?: string;
}

function membersTable(schema: Schema): string {
  const rows = [...members(schema, '')].map(
    ([path, member]) => `| \`${path}\` | ${cell(typeOf(member))} | ${cell(member.description ?? '')} |`,
  );
  return ['| member | type | meaning |', '|---|---|---|', ...rows].join('\n');
}

function* members(schema: Schema, prefix: string): Generator<[string, Schema]> {
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const path = `${prefix}${name}`;
    yield [path, member];
    yield* members(member, `${path}.`);
    if (member.items) yield* members(member.items, `${path}[].`);
  }
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(', ');
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(', ');
  const types = [schema.type ?? []].flat();
  return types.map((type) => detailed(type, schema)).join(' or ');
}

function detailed(type: string, { items, additionalProperties }: Schema): string {
  if (type === 'array' && items) return `list of ${typeOf(items)}`;
  if (type === 'object' && additionalProperties) return `map to ${typeOf(additionalProperties)}`;
  return type;
}

const anchor = ({ type, version }: EventDefinition) => `${type.replaceAll('.', '')}-version-${version}`;
const cell = (text: string) => text.replaceAll('|', '\\|');

function schemaText(name: string, description: string, schema: object): string {
  const document = { $schema: draft, $id: `urn:runseal:${name}`, ...schema, description };
  return `${JSON.stringify(document, withoutDiscriminator, 2)}\n`;
}

/** ajv's hint for better messages; `oneOf` beside it says the same in standard words. */
const withoutDiscriminator = (key: string, value: unknown) => (key === 'discriminator' ? undefined : value);
