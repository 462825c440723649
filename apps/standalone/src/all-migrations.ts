import { gatesMigrations } from '@runseal/gates';
import { ingestMigrations } from '@runseal/ingest';
import { lineageMigrations } from '@runseal/lineage';
import type { Migration } from '@runseal/postgres';
import { registryMigrations } from '@runseal/registry';

/** The schemas of all services, each once, in the order in which they are made. */
export async function allMigrations(): Promise<Migration[]> {
  const lists = await Promise.all([ingestMigrations(), lineageMigrations(), gatesMigrations(), registryMigrations()]);
  const byName = new Map(lists.flat().map((migration) => [`${migration.component}/${migration.number}`, migration]));
  return [...byName.values()];
}
