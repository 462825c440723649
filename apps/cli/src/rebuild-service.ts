import { gatesProjection } from '@runseal/gates';
import { LedgerRecordSource } from '@runseal/ledger';
import { lineageProjection } from '@runseal/lineage';
import { openPool } from '@runseal/postgres';
import { rebuild, type Projection } from '@runseal/projections';
import { registryProjection } from '@runseal/registry';

export const SERVICES = ['lineage', 'gates', 'registry'] as const;
export type ServiceName = (typeof SERVICES)[number];

export interface Rebuilt {
  readonly service: ServiceName;
  readonly outcome: 'swapped' | 'kept';
  readonly position: { readonly epoch: number; readonly seq: number } | null;
  readonly records: number;
  readonly records_per_second: number;
  /** Digests of all tables. */
  readonly before: string;
  readonly after: string;
  readonly differing: readonly string[];
}

interface Where {
  readonly url: string;
  readonly ledger: string;
  readonly onProgress: (records: number, of: number) => void;
}

const PROJECTIONS: Readonly<Record<ServiceName, Projection>> = {
  lineage: lineageProjection,
  gates: gatesProjection,
  registry: registryProjection,
};

/** Rebuilds the read tables of one service, with no more rights than its own role has. Throws where the ledger is not intact. */
export async function rebuildService(service: ServiceName, { url, ledger, onProgress }: Where): Promise<Rebuilt> {
  const pool = openPool({ url: asRole(url, `runseal_${service}`), applicationName: `runseal-rebuild-${service}` });
  try {
    const report = await rebuild({
      pool,
      projection: PROJECTIONS[service],
      ledger,
      source: new LedgerRecordSource(pool),
      onProgress,
    });
    const { outcome, position, records, seconds, before, after, differing } = report;
    return {
      service,
      outcome,
      position: position && { epoch: position.epoch, seq: position.seq },
      records,
      records_per_second: Math.round(records / Math.max(seconds, 0.001)),
      before: before.digest,
      after: after.digest,
      differing,
    };
  } finally {
    await pool.end();
  }
}

/** The same address acting as the role, where whoever it names may do so: the superuser of the embedded database. */
function asRole(url: string, role: string): string {
  const address = new URL(url);
  if (address.username !== role) address.searchParams.set('options', `-c role=${role}`);
  return address.href;
}
