import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { ExperimentItem, Page, RunItem, RunSort, RunState, Overall } from './answers.js';
import { Lineage } from './lineage.js';
import { fromDouble } from './metric-chunks.js';
import { UUID } from './nodes.js';
import { readCursor, writeCursor } from './page-cursor.js';

export class ListRuns {
  constructor(
    readonly filter: {
      readonly state?: RunState;
      readonly experiment?: string;
      readonly model?: string;
      readonly overall?: Overall;
      readonly q?: string;
    },
    readonly page: {
      readonly sort: RunSort;
      readonly isDescending: boolean;
      readonly limit: number;
      readonly cursor?: string;
    },
  ) {}
}

/** Columns that the order may go by, and the type in which a cursor brings their values back. */
const COLUMNS: Readonly<Record<RunSort, readonly [column: string, type: 'text' | 'bigint' | 'float8']>> = {
  first_seq: ['first_seq', 'bigint'],
  newest_seq: ['newest_seq', 'bigint'],
  started_at: ['started_ms', 'bigint'],
  ended_at: ['ended_ms', 'bigint'],
  name: ['name', 'text'],
  experiment: ['experiment', 'text'],
  state: ['state', 'text'],
  duration_seconds: ['duration_seconds', 'float8'],
  final_loss: ['final_loss', 'float8'],
  eval_loss: ['eval_loss', 'float8'],
};

/** Whether these are the last line's value and run, so that the database can read them. */
function isPlace([value, run, ...more]: readonly unknown[], type: 'text' | 'bigint' | 'float8'): boolean {
  if (more.length > 0 || typeof run !== 'string' || !UUID.test(run)) return false;
  if (value === null) return true;
  if (typeof value !== 'string' || value.includes('\0')) return false;
  if (type === 'bigint') return /^-?\d{1,18}$/.test(value);
  return type === 'text' || Number.isFinite(Number(value)) || /^(NaN|-?Infinity)$/.test(value);
}

interface Row {
  readonly run: string;
  readonly name: string | null;
  readonly experiment: string | null;
  readonly model: string | null;
  readonly state: RunState;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly duration_seconds: number | null;
  readonly step: number | null;
  readonly total_steps: number | null;
  readonly final_loss: number | null;
  readonly eval_loss: number | null;
  readonly overall: Overall | null;
  readonly faults: number;
  readonly principal: string;
  readonly first_seq: number;
  readonly newest_seq: number;
  readonly sorted: string | null;
}

@QueryHandler(ListRuns)
export class ListRunsHandler implements IQueryHandler<ListRuns, Page<RunItem>> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ filter, page }: ListRuns): Promise<Page<RunItem>> {
    const { sort, isDescending, limit } = page;
    const [column, type] = COLUMNS[sort];
    const direction = isDescending ? 'desc' : 'asc';
    const values: unknown[] = [];
    const add = (value: unknown) => `$${values.push(value)}`;
    const conditions = ['true'];
    if (filter.state !== undefined) conditions.push(`r.state = ${add(filter.state)}`);
    if (filter.experiment !== undefined) conditions.push(`r.experiment = ${add(filter.experiment)}`);
    if (filter.model !== undefined) conditions.push(`r.model = ${add(filter.model)}`);
    if (filter.overall !== undefined) conditions.push(`r.overall = ${add(filter.overall)}`);
    if (filter.q) conditions.push(`strpos(r.search, ${add(filter.q.toLowerCase())}) > 0`);
    if (page.cursor !== undefined) {
      const [value, run] = readCursor(page.cursor, (values) => isPlace(values, type));
      const isAfter = isDescending ? '<' : '>';
      const same = `r.run ${isAfter} ${add(run)}::uuid`;
      // Runs without the value come last, whichever way the others go.
      if (value === null) conditions.push(`r.${column} is null and ${same}`);
      else {
        const last = `${add(value)}::text::${type}`;
        conditions.push(`(r.${column} ${isAfter} ${last} or r.${column} = ${last} and ${same} or r.${column} is null)`);
      }
    }
    const result = await this.lineage.pool.query<Row>(
      `select r.run, r.name, r.experiment, r.model, r.state, r.started_at, r.ended_at, r.duration_seconds, r.step,
         r.total_steps, r.final_loss, r.eval_loss, r.overall, r.faults, r.principal, r.first_seq, r.newest_seq,
         r.${column}::text as sorted
       from runs r
       where ${conditions.join(' and ')}
       order by r.${column} ${direction} nulls last, r.run ${direction}
       limit ${add(limit + 1)}`,
      values,
    );
    const shown = result.rows.slice(0, limit);
    const last = result.rows.length > limit ? shown.at(-1) : undefined;
    return { items: shown.map(itemOf), next_cursor: last ? writeCursor([last.sorted, last.run]) : null };
  }
}

function itemOf(row: Row): RunItem {
  const { run: run_id, step, total_steps: total, final_loss, eval_loss } = row;
  const { name, experiment, model, state, started_at, ended_at, duration_seconds } = row;
  const { overall, faults, principal, first_seq, newest_seq } = row;
  return {
    ...{ run_id, name, experiment, model, state, started_at, ended_at, duration_seconds },
    progress: { step, total },
    final_loss: final_loss === null ? null : fromDouble(final_loss),
    eval_loss: eval_loss === null ? null : fromDouble(eval_loss),
    ...{ overall, faults, principal, first_seq, newest_seq },
  };
}

export class ListExperiments {
  constructor(
    readonly q: string | undefined,
    readonly page: { readonly limit: number; readonly cursor?: string },
  ) {}
}

@QueryHandler(ListExperiments)
export class ListExperimentsHandler implements IQueryHandler<ListExperiments, Page<ExperimentItem>> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ q, page: { limit, cursor } }: ListExperiments): Promise<Page<ExperimentItem>> {
    const [after = null] =
      cursor === undefined ? [] : readCursor(cursor, (values) => values.length === 1 && typeof values[0] === 'string');
    const result = await this.lineage.pool.query<ExperimentItem>({
      name: 'list-experiments',
      text: `
select r.experiment, count(*) as runs, count(*) filter (where r.state = 'running') as running,
  max(r.newest_seq) as newest_seq
from runs r
where r.experiment is not null
  and ($1::text is null or r.experiment > $1)
  and ($2::text is null or strpos(lower(r.experiment), $2) > 0)
group by r.experiment
order by r.experiment
limit $3`,
      values: [after, q?.toLowerCase() ?? null, limit + 1],
    });
    const items = result.rows.slice(0, limit);
    const last = result.rows.length > limit ? items.at(-1) : undefined;
    return { items, next_cursor: last ? writeCursor([last.experiment]) : null };
  }
}
