import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

interface Sample {
  /** What the sample does, as part of the title. */
  does: string;
  /** An existing file that the text stands in for: rules depend on the place. */
  path: string;
  text: string;
  /** The rule that must refuse it and a part of what it must say; null where nothing may. */
  refusedBy: [rule: string, says: string] | null;
}

const direction = '@nx/enforce-module-boundaries';
const homes = 'no-restricted-imports';
const environment = 'no-restricted-properties';

const source = (project: string) => `${project}/src/index.ts`;
const using = (name: string) => `import * as used from '${name}';\nexport const kept = used;\n`;

const imports = (project: string, name: string, refusedBy: Sample['refusedBy']): Sample => ({
  does: `${project} imports ${name}`,
  path: source(project),
  text: using(name),
  refusedBy,
});
const refusesImports = (project: string, refusedBy: [string, string], ...names: string[]) =>
  names.map((name) => imports(project, name, refusedBy));
const allowsImports = (project: string, ...names: string[]) => names.map((name) => imports(project, name, null));
const our = (...names: string[]) => names.map((name) => `@runseal/${name}`);

const wrongWay: [string, string] = [direction, ''];
// One library above and one beside each layer, so that a constraint that is lost or widened shows.
const directions: Sample[] = [
  ...refusesImports('libs/contracts', [direction, 'cannot depend on any libs'], ...our('chain', 'postgres')),
  ...refusesImports('libs/chain', [direction, 'cannot depend on any libs'], ...our('contracts', 'postgres')),
  ...refusesImports('libs/postgres', [direction, 'cannot depend on any libs'], ...our('contracts', 'chain')),
  ...refusesImports('libs/runtime', [direction, '"layer:postgres"'], ...our('contracts', 'chain', 'sdk')),
  ...allowsImports('libs/runtime', ...our('postgres')),
  ...refusesImports('libs/ledger', [direction, '"layer:postgres"'], ...our('runtime', 'sdk', 'testing')),
  ...allowsImports('libs/ledger', ...our('contracts', 'chain', 'postgres')),
  ...refusesImports('libs/sdk', [direction, '"layer:chain"'], ...our('postgres', 'runtime', 'ledger')),
  ...allowsImports('libs/sdk', ...our('contracts', 'chain')),
  ...refusesImports('libs/testing', wrongWay, ...our('runtime', 'sdk', 'ledger')),
  ...allowsImports('libs/testing', ...our('contracts', 'chain', 'postgres')),
  ...['contracts', 'chain', 'postgres', 'runtime', 'ledger', 'sdk', 'testing'].flatMap((library) =>
    refusesImports(`libs/${library}`, wrongWay, ...our('ingest')),
  ),
  ...refusesImports('apps/ingest', wrongWay, ...our('standalone', 'cli')),
  ...allowsImports('apps/ingest', ...our('ledger', 'runtime')),
  ...allowsImports('apps/standalone', ...our('ingest')),
  {
    does: 'a spec of libs/ledger imports @runseal/testing',
    path: 'libs/ledger/src/seal.int.spec.ts',
    text: using('@runseal/testing'),
    refusedBy: null,
  },
  {
    does: 'one library reaches into another by a path',
    path: source('libs/ledger'),
    text: "import { kept } from '../../contracts/src/index.js';\nexport const again = kept;\n",
    refusedBy: [direction, 'relative or absolute path'],
  },
];

const onlyAt = (home: string): [string, string] => [homes, `is used in ${home} only`];
const librariesWithOneHome: Sample[] = [
  ...['libs/ledger', 'libs/sdk', 'libs/testing', 'libs/postgres', 'libs/contracts'].flatMap((project) =>
    refusesImports(project, onlyAt('apps and libs/runtime'), '@nestjs/common', '@nestjs/core/router'),
  ),
  ...allowsImports('libs/runtime', '@nestjs/common'),
  ...allowsImports('apps/ingest', '@nestjs/common'),
  ...['libs/ledger', 'libs/runtime', 'apps/ingest', 'libs/testing'].flatMap((project) =>
    refusesImports(project, onlyAt('libs/postgres'), 'pg', 'pg/lib/connection.js'),
  ),
  ...allowsImports('libs/postgres', 'pg'),
  ...['libs/ledger', 'libs/runtime', 'apps/ingest', 'libs/postgres'].flatMap((project) =>
    refusesImports(project, onlyAt('libs/messaging'), 'kafkajs'),
  ),
  {
    does: 'a library imports a type of pg',
    path: source('libs/ledger'),
    text: "import type { Pool } from 'pg';\nexport type Kept = Pool;\n",
    refusedBy: onlyAt('libs/postgres'),
  },
  ...['libs/contracts', 'libs/chain'].flatMap((project) =>
    refusesImports(project, [homes, 'no I/O'], 'node:fs', 'node:crypto'),
  ),
  ...allowsImports('libs/sdk', 'node:fs'),
];

const reads = (project: string, does: string, text: string, refusedBy: Sample['refusedBy']): Sample => ({
  does: `${project} ${does}`,
  path: source(project),
  text: `${text}\nexport const kept = env;\n`,
  refusedBy,
});
const oneFile = 'read in one file per app';
const readingTheEnvironment: Sample[] = ['apps/ingest', 'libs/runtime', 'libs/ledger', 'libs/sdk'].flatMap(
  (project) => [
    reads(project, 'reads process.env', 'const env = process.env["HOME"];', [environment, oneFile]),
    reads(project, 'takes env out of process', 'const { env } = process;', [environment, oneFile]),
    reads(project, 'imports env', "import { env } from 'node:process';", [homes, oneFile]),
  ],
);
readingTheEnvironment.push({
  does: 'an app reads process.env in its one file for it',
  path: 'apps/ingest/src/environment.ts',
  text: 'export const kept = process.env;\n',
  refusedBy: null,
});

const samples = [...directions, ...librariesWithOneHome, ...readingTheEnvironment];

const linted = spawnSync(process.execPath, [fileURLToPath(new URL('lint-texts.mjs', import.meta.url))], {
  input: JSON.stringify(samples),
  encoding: 'utf8',
  env: { ...process.env, NODE_OPTIONS: '', NX_DAEMON: 'false' },
  timeout: 300_000,
});
if (linted.status !== 0) throw new Error(`linting: found exit code ${linted.status}, wanted 0\n${linted.stderr}`);
const answers = JSON.parse(linted.stdout) as { path: string; faults: { rule: string | null; message: string }[] }[];

test('every sample was linted in its place', () => {
  expect(answers.map(({ path }) => path)).toEqual(samples.map(({ path }) => path));
});

const cases = samples.map((sample, index) => ({ ...sample, faults: answers[index]?.faults ?? [] }));

test.each(cases.filter(({ refusedBy }) => refusedBy))('refuses that $does', ({ refusedBy, faults }) => {
  const [rule, says] = refusedBy ?? [];
  expect(faults).toEqual([{ rule, message: expect.stringContaining(says ?? '') }]);
});

test.each(cases.filter(({ refusedBy }) => !refusedBy))('allows that $does', ({ faults }) => {
  expect(faults).toEqual([]);
});
