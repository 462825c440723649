export { main } from './main.js';
export { runCli } from './run-cli.js';
export type { Surroundings } from './surroundings.js';
