import type { EventPayload } from '@runseal/contracts';
import type { RunMaterial } from './read-run.js';
import type { Row } from './row.js';

export interface NumberedRow {
  /** Place of its attempt. */
  readonly attempt: number;
  readonly row: Row;
  /** From 0 within (attempt, kind, step). */
  readonly n: number;
  /** Whether the training's summary comes before it: its weights are the final ones, whatever its step says. */
  readonly isAfterTraining: boolean;
}

/** All rows in the order of the files; what only the results' files have comes last. */
export function numberRows({ attempts, results }: Pick<RunMaterial, 'attempts' | 'results'>): NumberedRow[] {
  const rows: NumberedRow[] = [];
  attempts.forEach((attempt, index) => {
    const isLast = index === attempts.length - 1;
    const late = isLast ? [results.summary, results.closing].filter((row) => row !== null) : [];
    const seen = new Map<string, number>();
    let isAfterTraining = false;
    for (const row of [...attempt.rows, ...late]) {
      const place = `${row.kind} ${row.step}`;
      const n = seen.get(place) ?? 0;
      seen.set(place, n + 1);
      rows.push({ attempt: index, row, n, isAfterTraining: isAfterTraining || row === results.closing });
      if (row.kind === 'summary') isAfterTraining = true;
    }
  });
  return rows;
}

/** One row as an event has it: the files have no clock. */
export function rowPayload({ row, n }: NumberedRow, attempt: string): EventPayload<'run.metrics-logged'> {
  const { kind, step, epoch, values } = row;
  return { attempt, rows: [{ kind, step, n, at: null, epoch, values }] };
}
