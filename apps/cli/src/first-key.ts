import { openPool } from '@runseal/postgres';
import { createKey, type CreatedKey, type PrincipalKind, type ScopeName } from '@runseal/runtime';
import { requireDatabaseUrl } from './database-url.js';

/** Makes a key in the database itself, as the role runseal_ingest: the first one, when there is none yet that a server takes. */
export async function createFirstKey(
  url: string,
  key: {
    readonly principal: string;
    readonly kind: string;
    readonly scopes: readonly string[];
    readonly expires: string | undefined;
    readonly ledger: string;
  },
): Promise<CreatedKey> {
  const { principal, kind, scopes, expires, ledger } = key;
  const pool = openPool({ url: requireDatabaseUrl(url), applicationName: 'runseal-keys', connectionsMax: 1 });
  try {
    return await createKey(pool, {
      principal,
      kind: kind as PrincipalKind,
      ledger,
      scopes: scopes as ScopeName[],
      expires: expires === undefined ? null : new Date(expires),
    });
  } finally {
    await pool.end();
  }
}
