import { readFileSync } from 'node:fs';
import { describeEnvironment, readEnvironment } from '@runseal/runtime';
import { consoleVariables } from './environment.js';

const read = (env: Record<string, string>) => readEnvironment(env, consoleVariables);

test('without anything set it finds the services of this machine', () => {
  expect(read({})).toEqual({
    HOST: '127.0.0.1',
    PORT: 7456,
    MANAGEMENT_PORT: 7556,
    INGEST_URL: 'http://127.0.0.1:7451',
    LINEAGE_URL: 'http://127.0.0.1:7452',
    GATES_URL: 'http://127.0.0.1:7453',
    REGISTRY_URL: 'http://127.0.0.1:7454',
    LOG_LEVEL: 'info',
  });
});

test.each(['http://a:1', 'https://a.b', 'http://ingest-1:7451,http://ingest-2:7451/', 'http://[::1]:7451'])(
  'takes %s for addresses',
  (value) => expect(read({ INGEST_URL: value }).INGEST_URL).toBe(value),
);

test.each(['ingest:7451', 'http://a/base', 'http://a,', 'http://a, http://b', 'ftp://a'])(
  'refuses %s and says what is wanted',
  (value) => expect(() => read({ INGEST_URL: value })).toThrow('http:// or https:// addresses without a path'),
);

test('every variable stands in the documents as it is', () => {
  const squeezed = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');
  const text = squeezed(readFileSync(new URL('../../../docs/console.md', import.meta.url), 'utf8'));
  for (const row of squeezed(describeEnvironment(consoleVariables)).trim().split('\n').slice(2))
    expect(text).toContain(row);
});
