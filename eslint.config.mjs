// The rules a machine can keep: who may import whom, which library is allowed where, and plain correctness.
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** Direction of dependencies by tag; every project carries one `layer:` tag, every app an `app:` tag beside it. */
const layers = {
  'layer:contracts': [],
  'layer:chain': [],
  'layer:postgres': [],
  'layer:rules': ['layer:contracts'],
  'layer:messaging': ['layer:contracts', 'layer:chain'],
  'layer:ledger': ['layer:contracts', 'layer:chain', 'layer:postgres', 'layer:messaging'],
  'layer:projections': ['layer:contracts', 'layer:chain', 'layer:postgres', 'layer:messaging'],
  'layer:sdk': ['layer:contracts', 'layer:chain'],
  'layer:runtime': ['layer:postgres'],
  'layer:testing': ['layer:contracts', 'layer:chain', 'layer:postgres'],
};
const libs = Object.keys(layers);
const constraint = (sourceTag, ...allowed) => ({ sourceTag, onlyDependOnLibsWithTags: allowed });
const appConstraints = [
  constraint('layer:app', ...libs),
  constraint('layer:composer', ...libs, 'layer:app', 'layer:composer'),
  constraint('layer:whole', '*'),
];
const boundaries = (depConstraints) => [
  'error',
  { enforceBuildableLibDependency: true, allow: [], depConstraints: [...depConstraints, ...appConstraints] },
];
const sourceBoundaries = boundaries(Object.entries(layers).map(([tag, allowed]) => constraint(tag, ...allowed)));
// Specs may use `testing` in every library above it.
const specBoundaries = boundaries(
  Object.entries(layers).map(([tag, allowed]) => constraint(tag, ...allowed, 'layer:testing')),
);

/** Libraries with one home: found elsewhere, they would spread a choice that DESIGN keeps in one place. */
const onlyIn = {
  '@nestjs/*': 'apps and libs/runtime',
  kafkajs: 'libs/messaging',
  pg: 'libs/postgres',
};
const environmentMessage = 'process.env is read in one file per app: src/environment.ts.';
const banned = (allowed = [], more = []) => [
  'error',
  {
    paths: ['process', 'node:process'].map((name) => ({ name, importNames: ['env'], message: environmentMessage })),
    patterns: Object.entries(onlyIn)
      .filter(([name]) => !allowed.includes(name))
      .map(([name, home]) => ({ group: [name, `${name}/**`], message: `${name} is used in ${home} only.` }))
      .concat(more),
  },
];
const noNode = { group: ['node:*'], message: 'contracts, chain and rules do no I/O and run in a browser.' };

export default tseslint.config(
  { ignores: ['**/dist/**', '**/out-tsc/**', '**/node_modules/**', '**/tmp/**', '**/.nx/**', '**/.runseal/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: {
      parserOptions: {
        // tools is outside the solution that the root tsconfig.json lists, which Nx keeps for packages.
        projectService: { allowDefaultProject: ['tools/*.ts'], defaultProject: 'tools/tsconfig.tools.json' },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': sourceBoundaries,
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-restricted-imports': banned(),
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: environmentMessage }],
      'max-params': ['error', 4],
    },
  },
  {
    files: ['apps/*/src/**/*.ts', 'libs/runtime/src/**/*.ts'],
    rules: { 'no-restricted-imports': banned(['@nestjs/*']) },
  },
  { files: ['libs/postgres/src/**/*.ts'], rules: { 'no-restricted-imports': banned(['pg']) } },
  { files: ['libs/messaging/src/**/*.ts'], rules: { 'no-restricted-imports': banned(['kafkajs']) } },
  // These do no I/O and run in a browser: nothing of Node's own but in chain's one entry for Node.
  {
    files: ['libs/contracts/src/**/*.ts', 'libs/chain/src/**/*.ts', 'libs/rules/src/**/*.ts'],
    ignores: ['**/*.spec.ts', 'libs/chain/src/node.ts'],
    rules: { 'no-restricted-imports': banned([], [noNode]) },
  },
  {
    files: ['apps/*/src/environment.ts', 'libs/sdk/src/environment.ts', '**/*.spec.ts', 'libs/testing/src/**/*.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  // Nest reads constructor types at run time, so these imports must stay values.
  { files: ['apps/**/*.ts', 'libs/runtime/**/*.ts'], rules: { '@typescript-eslint/consistent-type-imports': 'off' } },
  { files: ['**/*.spec.ts'], rules: { 'max-params': 'off', '@nx/enforce-module-boundaries': specBoundaries } },
  prettier,
);
