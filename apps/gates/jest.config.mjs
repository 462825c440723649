import { preset } from '../../jest.preset.mjs';

// Tests that wait for a real Postgres must not fail because the machine has other work.
export default preset('gates', { testTimeout: 30_000 });
