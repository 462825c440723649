import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCompose, type ComposeService } from './scaled/compose-file.js';
import { localEnvironment } from './scaled/local-places.js';

const folder = mkdtempSync(join(tmpdir(), 'runseal-compose-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string, variables: Record<string, string> = {}): ComposeService {
  const path = join(folder, 'compose.yml');
  writeFileSync(path, text);
  const [service] = readCompose(path, variables).values();
  if (!service) throw new Error('no service');
  return service;
}

const withEnvironment = (...lines: string[]) =>
  ['services:', '  a:', '    environment:', ...lines.map((line) => `      ${line}`)].join('\n');

describe('a compose file', () => {
  it('is read with its anchors and merges, what a service says itself first', () => {
    const service = read(
      'x-a: &a\n  image: i\n  command: [one]\n  volumes: [heads:/h:ro, "./f:/g"]\nservices:\n  a:\n    <<: *a\n    command: [two]\n',
    );
    expect(service).toEqual({
      name: 'a',
      image: 'i',
      command: ['two'],
      environment: {},
      mounts: [
        { source: 'heads', target: '/h', isReadOnly: true },
        { source: './f', target: '/g', isReadOnly: false },
      ],
      ports: [],
    });
  });

  it('takes a variable, else its default, for an empty one too, and leaves a doubled dollar sign', () => {
    const text = withEnvironment('A: u:${P:-d}@h', 'B: ${P}', 'C: $${P}');
    expect(read(text, { P: 'p' }).environment).toEqual({ A: 'u:p@h', B: 'p', C: '${P}' });
    expect(() => read(text, { P: '' })).toThrow('${P} has no value: set P.');
    expect(read(withEnvironment('A: u:${P:-d}@h'), { P: '' }).environment).toEqual({ A: 'u:d@h' });
  });

  it('is refused where a value is no text: a number would be another one in YAML’s eyes', () => {
    expect(() => read(withEnvironment('A: 0123'))).toThrow('a: found A with 123, wanted a text in quotes.');
  });
});

describe('an environment on this machine', () => {
  const addresses = new Map([
    ['postgres:5432', '127.0.0.1:1'],
    ['kafka:9092', '127.0.0.1:2,127.0.0.1:3'],
    ['ingest-1:7451', '127.0.0.1:4'],
  ]);

  it('names addresses, volumes and the host of this machine, and nothing else', () => {
    const service: ComposeService = {
      ...read('services:\n  a: {}\n'),
      environment: {
        HOST: '0.0.0.0',
        DATABASE_URL: 'postgres://runseal_ingest:postgres:9@postgres:5432/runseal',
        KAFKA_BROKERS: 'kafka:9092',
        INGEST_URL: 'http://ingest-1:7451,http://ingest-12:7451',
        HEADS: '/var/heads',
        FILE: '/var/keys/a.key',
        OTHER: '/var/headstone',
      },
      mounts: [
        { source: 'heads', target: '/var/heads', isReadOnly: false },
        { source: 'keys', target: '/var/keys', isReadOnly: true },
      ],
    };
    expect(localEnvironment(service, { addresses, folder: '/data' })).toEqual({
      HOST: '127.0.0.1',
      DATABASE_URL: 'postgres://runseal_ingest:postgres:9@127.0.0.1:1/runseal',
      KAFKA_BROKERS: '127.0.0.1:2,127.0.0.1:3',
      INGEST_URL: 'http://127.0.0.1:4,http://ingest-12:7451',
      HEADS: '/data/heads',
      FILE: '/data/keys/a.key',
      OTHER: '/var/headstone',
    });
  });
});
