import { preset } from '../../jest.preset.mjs';

// Without 'import' among the conditions: Jest adds it to imports itself, and pg requires the CommonJS form of its parts.
export default preset('standalone', {
  testTimeout: 120_000,
  testEnvironmentOptions: { customExportConditions: ['@runseal/source', 'node', 'default'] },
});
