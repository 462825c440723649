// One Jest configuration for every package: ESM, TypeScript by swc, sources of our own packages instead of their builds.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const root = fileURLToPath(new URL('.', import.meta.url));

/** @param {string} name the Nx project, used in the tally that CI sums up */
export const preset = (name, more = {}) => ({
  displayName: name,
  rootDir: '.',
  testEnvironment: 'node',
  // For servers that start on a busy machine; nothing waits that long where all is well.
  testTimeout: 30_000,
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Without 'import' among the conditions: Jest adds it to imports itself, and pg requires the CommonJS form of its parts.
  testEnvironmentOptions: { customExportConditions: ['@runseal/source', 'node', 'default'] },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  reporters: ['default', [join(root, 'tools/tally-reporter.mjs'), { name, root }]],
  ...more,
});
