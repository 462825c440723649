import { preset } from '../jest.preset.mjs';

// One suite at a time: each starts a Postgres and several services, and all of them measure time.
export default preset('e2e', { maxWorkers: 1 });
