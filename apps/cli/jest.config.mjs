import { preset } from '../../jest.preset.mjs';

export default preset('cli', { testTimeout: 60_000 });
