import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DCLinter } from 'dclint';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { findCopies, findIgnoring, findUser } from './deploy.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const COMPOSE = 'docker-compose.yml';
/** Its rules on the order of keys and names are taste; ours follows the order in which things start. */
const TASTE = [
  'service-dependencies-alphabetical-order',
  'service-keys-order',
  'service-ports-alphabetical-order',
  'services-alphabetical-order',
  'top-level-properties-order',
  // One image is built by one service and used under its name by all others.
  'no-build-and-image',
  // docker-compose 1 knows no such key and reads the file otherwise.
  'require-project-name-field',
];
const compose = new DCLinter({
  rules: Object.fromEntries(TASTE.map((rule) => [rule, 0])),
  quiet: false,
  debug: false,
  exclude: [],
});

interface Linted {
  messages: { rule: string; line: number; message: string }[];
}

/** What the linter, which holds the compose specification's JSON Schema, says of a file with this text. */
function lintCompose(text: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'runseal-compose-'));
  try {
    writeFileSync(join(folder, COMPOSE), text);
    const results: Linted[] = compose.lintFiles([join(folder, COMPOSE)], false);
    return results.flatMap(({ messages }) => messages.map(({ rule, line, message }) => `${rule}:${line}: ${message}`));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const lintDockerfile = (text: string) => validate(text).map(({ range, message }) => `${range.start.line}: ${message}`);

const folder = 'deploy/docker';
const files = readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
const dockerfiles = files.filter((path) => /Dockerfile/.test(path));
const scripts = files.filter((path) => path.endsWith('.sh'));

describe(COMPOSE, () => {
  const text = read(COMPOSE);
  const { services } = parse(text, { merge: true }) as {
    services: Record<string, { command?: string[]; volumes?: string[]; build?: { dockerfile: string } }>;
  };

  test('fits the compose specification and the linter’s rules', () => expect(lintCompose(text)).toEqual([]));

  test('is refused with a misspelt key, a wrong type or an image without a version', () => {
    const changed = (from: string, to: string) => {
      expect(text).toContain(from);
      return lintCompose(text.replace(from, to)).join('\n');
    };
    expect(changed('    healthcheck:', '    healthchek:')).toMatch(/healthchek|additional propert/);
    expect(changed('retries: 30', 'retries: {}')).toContain('invalid-schema');
    expect(changed('image: postgres:18', 'image: postgres')).toContain('service-image-require-explicit-tag');
  });

  test('starts programs and mounts files that are there', () => {
    const programs = Object.values(services).flatMap(({ command }) => command ?? []);
    const mains = programs.filter((word) => /^apps\/[a-z]+\/dist\/main\.js$/.test(word));
    expect(mains.length).toBeGreaterThan(4);
    for (const main of mains) {
      const source = main.replace('/dist/', '/src/').replace(/js$/, 'ts');
      expect([source, existsSync(join(root, source))]).toEqual([source, true]);
    }
    const mounted = Object.values(services).flatMap(({ volumes }) => volumes ?? []);
    const ours = mounted.filter((mount) => mount.startsWith('./')).map((mount) => mount.split(':')[0] ?? '');
    const built = Object.values(services).flatMap(({ build }) => build?.dockerfile ?? []);
    for (const path of [...ours, ...built]) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
    expect(built).toHaveLength(1);
  });
});

describe('every Dockerfile', () => {
  test('is found', () => expect(dockerfiles).toContain(`${folder}/Dockerfile`));

  test.each(dockerfiles)('%s passes the linter', (path) => expect(lintDockerfile(read(path))).toEqual([]));

  test.each(dockerfiles)('%s copies what is there and not kept out of the build', (path) => {
    const copies = findCopies(read(path));
    expect(copies.length).toBeGreaterThan(1);
    for (const { from, sources } of copies) {
      for (const source of sources) {
        // What a stage made stands at the same place as in the repository, but for node_modules, which npm makes.
        const ours = from === null ? source : source.replace(/^\/build\//, '');
        if (from !== null && ours === 'node_modules') continue;
        expect([ours, existsSync(join(root, ours))]).toEqual([ours, true]);
        if (ours !== '.') expect([ours, findIgnoring(read('.dockerignore'), ours)]).toEqual([ours, []]);
      }
    }
  });

  test.each(dockerfiles)('%s takes its base from BASE and ends as a user without rights, named by number', (path) => {
    const froms = read(path).match(/^FROM .*$/gm) ?? [];
    expect(froms.filter((from) => !from.startsWith('FROM ${BASE}'))).toEqual([]);
    expect(froms).not.toEqual([]);
    expect(findUser(read(path))).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
  });

  test('keeps out what a build does not need or must not see', () => {
    const ignored = read('.dockerignore');
    for (const path of [
      '.git',
      '.runseal/credentials.json',
      'apps/cli/.runseal/keys/signing-key',
      'node_modules/x/index.js',
      'apps/ingest/dist/main.js',
      'tmp/kafka/lib.jar',
    ]) {
      expect([path, findIgnoring(ignored, path).length > 0]).toEqual([path, true]);
    }
    for (const path of ['package-lock.json', 'nx.json', 'apps/ingest/src/main.ts', 'apps/cli/demo/README.md']) {
      expect([path, findIgnoring(ignored, path)]).toEqual([path, []]);
    }
  });
});

describe('every script of the image', () => {
  test.each(scripts)('%s can be run, stops at the first fault, and is shell', (path) => {
    expect(statSync(join(root, path)).mode & 0o111).toBe(0o111);
    expect(read(path)).toMatch(/^#!\/bin\/sh\n/);
    expect(read(path)).toContain('\nset -eu\n');
    const checked = spawnSync('sh', ['-n', join(root, path)], { encoding: 'utf8' });
    expect([checked.status, checked.stderr]).toEqual([0, '']);
  });
});

describe('the checks bite', () => {
  test('on an unknown instruction, a missing argument and a relative folder', () => {
    expect(lintDockerfile('FROM a\nRUNN x\n')).toHaveLength(1);
    expect(lintDockerfile('FROM a\nCOPY x\n')).toHaveLength(1);
    expect(lintDockerfile('FROM a\nWORKDIR x\n')).toHaveLength(1);
  });

  test('on what is copied, over lines and from stages', () => {
    expect(findCopies('FROM a\nCOPY x \\\n  y ./\nCOPY --from=build --chown=1:1 /build/z ./z\n')).toEqual([
      { from: null, sources: ['x', 'y'] },
      { from: 'build', sources: ['/build/z'] },
    ]);
  });

  test('on a file below a folder that is kept out', () => {
    expect(findIgnoring('# no\n**/dist\n*.log\n', 'apps/a/dist/b/c.js')).toEqual(['**/dist']);
    expect(findIgnoring('**/dist\n*.log\n', 'a.log')).toEqual(['*.log']);
    expect(findIgnoring('**/dist\n*.log\n', 'apps/a.ts')).toEqual([]);
  });

  test('on a last stage that runs as root', () => {
    expect(findUser('FROM a AS b\nUSER 1:1\nFROM c\nRUN x\n')).toBeNull();
    expect(findUser('FROM a AS b\nFROM c\nUSER 7:8\n')).toBe('7:8');
  });
});
