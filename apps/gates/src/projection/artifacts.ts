import type { Connection } from '@runseal/postgres';
import type { ProjectedRecord } from '@runseal/projections';
import { auditFields, type RunFacts } from '@runseal/rules';

type Registered = ProjectedRecord & { readonly type: 'artifact.registered' };

/** The content that a record makes known: the artifact itself, and the files that its folder lists. */
export function digestsOfArtifact({ stream, payload }: Registered): string[] {
  return [...new Set([stream.slice('artifact/'.length), ...(payload?.files ?? []).map(({ digest }) => digest)])];
}

/** Every digest that the audit record of a run asks for, known or not. */
export function digestsOfFacts(facts: RunFacts): string[] {
  const asked = new Set<string>();
  auditFields(facts, (digest) => {
    asked.add(digest);
    return true;
  });
  return [...asked].sort();
}

/** What the artifacts of a batch change, looked up before its first record: until the first trigger nothing else changes it. */
export class ArtifactEffects {
  constructor(
    private readonly known: Set<string>,
    private readonly waiting: ReadonlyMap<string, readonly string[]>,
  ) {}

  isUnknown(digest: string): boolean {
    return !this.known.has(digest);
  }

  know(digest: string): void {
    this.known.add(digest);
  }

  runsWaitingFor(digest: string): readonly string[] {
    return this.waiting.get(digest) ?? [];
  }
}

export async function findArtifactEffects(
  connection: Connection,
  records: readonly ProjectedRecord[],
): Promise<ArtifactEffects> {
  const digests = records.flatMap((record) => (record.type === 'artifact.registered' ? digestsOfArtifact(record) : []));
  if (digests.length === 0) return new ArtifactEffects(new Set(), new Map());
  const known = await connection.query<{ digest: string }>({
    name: 'find-known-digests',
    text: 'select digest from artifacts where digest = any ($1::text[])',
    values: [digests],
  });
  const waiting = await connection.query<{ digest: string; runs: string[] }>({
    name: 'find-waiting-runs',
    text: 'select digest, array_agg(run::text order by run) as runs from run_digests where digest = any ($1::text[]) group by digest',
    values: [digests],
  });
  return new ArtifactEffects(
    new Set(known.rows.map(({ digest }) => digest)),
    new Map(waiting.rows.map(({ digest, runs }) => [digest, runs])),
  );
}
