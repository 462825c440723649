import { preset } from '../../jest.preset.mjs';

export default preset('console', { testTimeout: 30_000 });
