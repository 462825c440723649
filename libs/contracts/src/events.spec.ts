import { readFileSync, readdirSync } from 'node:fs';
import { definitions, eventTypes, type EventType } from './event-types.js';
import { exampleName } from './published.js';
import type { SubmittedEvent } from './submission.js';
import { isPayload, validateEvent } from './validation.js';

const examplesAt = new URL('../examples/', import.meta.url);
const example = (name: string) => JSON.parse(readFileSync(new URL(name, examplesAt), 'utf8')) as SubmittedEvent;
type Schema = { [keyword: string]: unknown };

/** Every schema inside a schema that describes an object, wherever it stands. */
function* objects(schema: unknown, at: string): Generator<[string, Schema]> {
  if (typeof schema !== 'object' || schema === null) return;
  const here = schema as Schema;
  if ([here['type']].flat().includes('object') && !here['oneOf']) yield [at, here];
  for (const [key, inner] of Object.entries(here)) {
    if (key !== 'if' && key !== 'then') yield* objects(inner, `${at}/${key}`);
  }
}

test('every example belongs to a definition', () => {
  expect(readdirSync(examplesAt).sort()).toEqual(definitions.map(exampleName).sort());
});

describe.each(
  definitions.map((definition) => [`${definition.type}, version ${definition.version}`, definition] as const),
)('%s', (_, definition) => {
  const event = example(exampleName(definition));

  test('accepts its example', () => {
    expect(validateEvent(event)).toBeNull();
    expect(isPayload(definition.type as EventType, definition.version, event.payload)).toBe(true);
  });

  test('refuses a member that it does not know', () => {
    const refusal = validateEvent({ ...event, payload: { ...event.payload, surplus: 1 } });
    expect(refusal).toMatchObject({
      code: 'invalid_payload',
      errors: [{ path: '/payload/surplus', found: '1', wanted: 'no such member' }],
    });
  });

  test('refuses the example without any one of its members', () => {
    for (const member of Object.keys(event.payload)) {
      const { [member]: _left, ...payload } = event.payload as unknown as Record<string, unknown>;
      const refusal = validateEvent({ ...event, payload });
      expect(refusal).toMatchObject({
        code: 'invalid_payload',
        errors: [{ path: `/payload/${member}`, found: 'nothing' }],
      });
    }
  });

  test('closes every object, requires every member and says what it means', () => {
    const found = [...objects(definition.payload, '')];
    expect(found.length).toBeGreaterThan(0);
    for (const [at, { properties, required, additionalProperties, propertyNames }] of found) {
      if (properties === undefined) {
        expect({ at, propertyNames, additionalProperties }).toEqual({
          at,
          propertyNames: { pattern: expect.any(String) },
          additionalProperties: expect.any(Object),
        });
        continue;
      }
      const members = properties as Record<string, Schema>;
      expect({ at, additionalProperties, required }).toEqual({
        at,
        additionalProperties: false,
        required: Object.keys(members),
      });
      for (const [name, { description }] of Object.entries(members)) {
        expect({ at, name, description }).toEqual({ at, name, description: expect.stringMatching(/./) });
      }
    }
  });
});

test('the registry names class, stream and role of each type', () => {
  expect(eventTypes['run.metrics-logged']).toEqual({
    version: 1,
    class: 'metrics',
    streamKind: 'run',
    sealedBy: 'ingest',
  });
  const kept = Object.entries(eventTypes).filter(([, facts]) => facts.class !== 'permanent');
  expect(Object.fromEntries(kept.map(([type, facts]) => [type, facts.class]))).toEqual({
    'run.metrics-logged': 'metrics',
    'run.resources-sampled': 'telemetry',
    'run.log-captured': 'logs',
  });
  for (const [type, { streamKind, sealedBy }] of Object.entries(eventTypes)) {
    expect(type.startsWith(`${streamKind}.`)).toBe(true);
    const roles = { run: ['ingest', 'gates'], artifact: ['ingest'], model: ['registry'], policy: ['gates'] };
    expect(streamKind === 'ledger' ? ['maintenance'] : roles[streamKind]).toContain(sealedBy);
  }
});

test('each kind of input has its own members', () => {
  const config = {
    kind: 'config',
    path: 'train.yaml',
    digest: `sha256:${'a'.repeat(64)}`,
    resolved_digest: null,
    git: { repository: null, commit: '7890abc', dirty: true },
    asserted: ['/payload/git'],
  };
  const event = example('run.input-recorded.v1.json');
  expect(validateEvent({ ...event, payload: config })).toBeNull();
  expect(validateEvent({ ...event, payload: { ...config, samples: 1 } })?.errors[0]?.path).toBe('/payload/samples');
  expect(validateEvent({ ...event, payload: { ...config, kind: 'code' } })?.errors[0]).toEqual({
    path: '/payload/kind',
    found: '"code"',
    wanted: 'one of "base_model", "dataset", "config", "other"',
  });
  expect(validateEvent({ ...event, payload: { ...config, asserted: ['/sealed_at'] } })?.code).toBe('invalid_payload');
});

test('a reading that no GPU can have is sealed as the driver told it', () => {
  const event = example('run.resources-sampled.v1.json');
  const { samples } = event.payload as { samples: { gpus: object[] }[] };
  Object.assign(samples[0]?.gpus[0] ?? {}, { memory_used_bytes: 9223372036854775794, utilization_percent: -1 });
  expect(validateEvent(event)).toBeNull();
});

test.each(['nan_inf_filter', 'a', '0.b-c'])('%s names a remark', (name) => {
  const event = example('run.annotated.v1.json');
  expect(validateEvent({ ...event, payload: { ...event.payload, name } })).toBeNull();
});

test.each(['', 'Raw', 'a b', 'a'.repeat(101)])('"%s" names no remark', (name) => {
  const event = example('run.annotated.v1.json');
  expect(validateEvent({ ...event, payload: { ...event.payload, name } })?.errors[0]?.path).toBe('/payload/name');
});
