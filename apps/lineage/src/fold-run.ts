import { NotFoundException } from '@nestjs/common';
import { readRecords, toSealedRecord, type StoredRecord } from '@runseal/ledger';
import { projectRecord } from '@runseal/projections';
import { evolveRun, newRunFacts, type RunEvent, type RunFacts } from '@runseal/rules';
import type { Lineage } from './lineage.js';

/** A run's facts as they were at a seq, folded from the ledger anew. Throws where the run was not there yet. */
export async function foldRun({ pool, ledger }: Lineage, run: string, asOf: number): Promise<RunFacts> {
  const result = await pool.query<{ seq: number }>({
    name: 'registrations-of-run',
    text: `
select s.seq
from sightings s
where s.run = $1 and s.source = 'registered' and s.seq <= $2
union
select a.seq
from assessments a
where a.run = $1 and a.seq <= $2
order by seq`,
    values: [run, asOf],
  });
  const registrations = result.rows.map(({ seq }) => seq);
  let facts = newRunFacts();
  const fold = (stored: StoredRecord) => {
    facts = evolveRun(facts, projectRecord(toSealedRecord(ledger, stored)) as RunEvent);
  };
  /** Artifacts that were registered or assessed in the course of the run count its producers' events. */
  const foldRegistrations = async (before: number) => {
    while (registrations[0] !== undefined && registrations[0] < before) {
      const from = registrations.shift() as number;
      for (const stored of await readRecords(pool, { ledger, from, to: from + 1, limit: 1 })) fold(stored);
    }
  };
  for (let from = 0; ;) {
    const page = await readRecords(pool, { ledger, from, to: asOf + 1, stream: `run/${run}`, limit: 500 });
    for (const stored of page) {
      await foldRegistrations(stored.seq);
      fold(stored);
    }
    const last = page.at(-1);
    if (!last) break;
    from = last.seq + 1;
  }
  await foldRegistrations(asOf + 1);
  if (facts.first_seq === null) throw new NotFoundException(`There was no run ${run} at record ${asOf}.`);
  return facts;
}
