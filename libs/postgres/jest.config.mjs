import { preset } from '../../jest.preset.mjs';

// Without 'import' among the conditions: Jest adds it to imports itself, and pg requires the CommonJS form of its parts.
export default preset('postgres', {
  testEnvironmentOptions: { customExportConditions: ['@runseal/source', 'node', 'default'] },
});
