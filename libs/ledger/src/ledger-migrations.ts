import { readMigrations, type Migration } from '@runseal/postgres';

/** The ledger's own schema: roles, tables, and the functions that are the only way in. */
export function ledgerMigrations(): Promise<Migration[]> {
  return readMigrations('ledger', new URL('../sql/', import.meta.url));
}
