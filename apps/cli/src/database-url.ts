import { CliError } from './surroundings.js';

/** Checks a database's address before anything is opened; a password in it is never repeated. */
export function requireDatabaseUrl(url: string): string {
  if (URL.canParse(url) && ['postgres:', 'postgresql:'].includes(new URL(url).protocol)) return url;
  throw new CliError('--database is no address, wanted postgres://user:password@host:port/database.');
}
