import { isInstalled, POSTGRES_VERSIONS, type PostgresVersion } from './postgres-server.js';

// Jest's own, not imported: this library is also loaded where no Jest runs.
declare const describe: {
  (title: string, body: () => void): void;
  skip(title: string, body: () => void): void;
};
declare const it: (title: string, body: () => void) => void;

/** One suite a Postgres version; a version that the machine lacks shows as a skipped suite whose title holds the reason. */
export function describeOnEachPostgres(title: string, body: (version: PostgresVersion) => void): void {
  for (const version of POSTGRES_VERSIONS) {
    const suite = `${title} (Postgres ${version})`;
    if (isInstalled(version)) describe(suite, () => body(version));
    else
      describe.skip(`${suite}: skipped, Postgres ${version} is not installed on this machine`, () =>
        it('runs where it is installed', () => undefined));
  }
}
