import { CliError, NO } from '../surroundings.js';

/** Ends an import whose folder, facts or sealed run speak against it: the message says what was found, wanted and to do. */
export function refuse(message: string): never {
  throw new CliError(message, NO);
}
