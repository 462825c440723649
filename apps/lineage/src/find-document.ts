import { NotFoundException } from '@nestjs/common';
import type { Pool } from '@runseal/postgres';
import type { RunDocument } from './run-document.js';

/** What is known of a run. Throws where no record is on its stream. */
export async function findDocument(pool: Pool, run: string): Promise<RunDocument> {
  const document = (await findDocuments(pool, [run])).get(run);
  if (!document) throw new NotFoundException(`There is no run ${run}.`);
  return document;
}

/** The same for several; runs that are not known are not in it. */
export async function findDocuments(pool: Pool, runs: readonly string[]): Promise<Map<string, RunDocument>> {
  const result = await pool.query<{ run: string; document: string }>({
    name: 'find-documents',
    text: 'select run, document from run_documents where run = any ($1::uuid[])',
    values: [runs],
  });
  const found = result.rows.map(({ run, document }) => [run, JSON.parse(document) as RunDocument] as const);
  // Where only artifacts name it, nobody has recorded the run.
  return new Map(found.filter(([, { facts }]) => facts.first_seq !== null));
}
