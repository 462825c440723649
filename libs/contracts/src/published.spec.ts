import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFileSync, readdirSync } from 'node:fs';
import { definitions } from './event-types.js';
import { eventsPage, exampleName, schemaFiles } from './published.js';

const at = (path: string) => new URL(`../${path}`, import.meta.url);
const read = (path: string) => readFileSync(at(path), 'utf8');
const examples = () => new Map(readdirSync(at('examples/')).map((name) => [name, read(`examples/${name}`)]));
// npm run documents -w @runseal/contracts mends the first two.

test('the schema files are what the definitions say', () => {
  const files = new Map(readdirSync(at('schemas/')).map((name) => [name, read(`schemas/${name}`)]));
  expect([...files.keys()].sort()).toEqual([...schemaFiles().keys()].sort());
  for (const [name, text] of schemaFiles()) expect(files.get(name)).toBe(text);
});

test('docs/events.md is what the definitions and examples say', () => {
  expect(read('../../docs/events.md')).toBe(eventsPage(examples()));
});

test('an event without an example stops the documents', () => {
  expect(() => eventsPage(new Map())).toThrow('found no example of run.started version 1');
});

test('a validator that knows only the standard reads every schema and accepts the examples', () => {
  // Strict: a keyword that the standard does not have throws.
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
  const event = ajv.compile(JSON.parse(read('schemas/event.json')));
  const request = ajv.compile(JSON.parse(read('schemas/request.json')));
  for (const definition of definitions) {
    const name = exampleName(definition);
    const payload = ajv.compile(JSON.parse(read(`schemas/${name}`)));
    const example = JSON.parse(read(`examples/${name}`)) as { payload: object };
    expect([name, event(example), request({ events: [example] }), payload(example.payload)]).toEqual([
      name,
      true,
      true,
      true,
    ]);
    expect(payload({ ...example.payload, surplus: 1 })).toBe(false);
  }
});
