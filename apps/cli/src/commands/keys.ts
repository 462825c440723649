import type { Declare } from '../run-cli.js';
export const declare: Declare = () => undefined;
