import { NotFoundException } from '@nestjs/common';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { newRunFacts, type RunFacts } from '@runseal/rules';
import type { AsOf } from '@runseal/runtime';
import { itemOf } from './answer-of.js';
import type { ModelItem, Page, VersionItem } from './answers.js';
import type { Stage, VersionState } from './deciding/version-state.js';
import { findMoment } from './moment.js';
import { readCursor, writeCursor } from './page-cursor.js';
import { foldStanding } from './past-standing.js';
import { Registry } from './registry.js';

interface PageRequest {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly asOf?: AsOf | undefined;
}

const NOW = Number.MAX_SAFE_INTEGER;
const momentOf = (registry: Registry, asOf: AsOf | undefined) => (asOf ? findMoment(registry, asOf) : NOW);

export class ListModels {
  constructor(readonly page: PageRequest) {}
}

@QueryHandler(ListModels)
export class ListModelsHandler implements IQueryHandler<ListModels, Page<ModelItem>> {
  constructor(private readonly registry: Registry) {}

  async execute({ page: { limit, cursor, asOf } }: ListModels): Promise<Page<ModelItem>> {
    const at = await momentOf(this.registry, asOf);
    const after = readCursor(cursor, 'string');
    const { rows } = await this.registry.pool.query<ModelRow>({
      name: 'list-models',
      text: `
select m.model, count(s.version)::int as versions, max(s.version) as newest,
  array_agg(s.version order by s.version) filter (where s.stage = 'Production') as production,
  (array_agg(s.stage order by s.version desc))[1] as newest_stage
from (
  select m.model
  from models m
  where m.first_seq <= $1 and ($2::text is null or m.model > $2)
  order by m.model
  limit $3
) as m
left join stages s on s.model = m.model and s.since_seq <= $1 and (s.until_seq is null or s.until_seq > $1)
group by m.model
order by m.model`,
      values: [at, after, limit + 1],
    });
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    return { items: shown.map(modelItemOf), next_cursor: last ? writeCursor(last.model) : null };
  }
}

interface ModelRow {
  readonly model: string;
  readonly versions: number;
  readonly newest: number | null;
  readonly newest_stage: Stage | null;
  readonly production: readonly (number | string)[] | null;
}

const modelItemOf = ({ model, versions, newest, newest_stage, production }: ModelRow): ModelItem => ({
  ...{ model, versions },
  // The driver leaves bigints inside an array as texts.
  production: (production ?? []).map(Number),
  newest: newest === null || newest_stage === null ? null : { version: newest, stage: newest_stage },
});

export class ListVersions {
  constructor(
    readonly model: string,
    readonly page: PageRequest,
  ) {}
}

@QueryHandler(ListVersions)
export class ListVersionsHandler implements IQueryHandler<ListVersions, Page<VersionItem>> {
  constructor(private readonly registry: Registry) {}

  async execute({ model, page: { limit, cursor, asOf } }: ListVersions): Promise<Page<VersionItem>> {
    const at = await momentOf(this.registry, asOf);
    const before = readCursor(cursor, 'number');
    const { rows } = await this.registry.pool.query<{ version: number; state: string; facts: string | null }>({
      name: 'list-versions',
      text: `
select v.version, v.document as state, r.document as facts
from versions v
left join runs r on r.run = v.run
where v.model = $1 and v.registered_seq <= $2 and ($3::bigint is null or v.version < $3)
order by v.version desc
limit $4`,
      values: [model, at, before, limit + 1],
    });
    if (rows.length === 0 && cursor === undefined) await this.requireModel(model, at);
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    const items = await Promise.all(shown.map((row) => this.itemAt(model, at, row)));
    return { items: items.flatMap((item) => item ?? []), next_cursor: last ? writeCursor(last.version) : null };
  }

  private async itemAt(
    model: string,
    at: number,
    row: { version: number; state: string; facts: string | null },
  ): Promise<VersionItem | null> {
    if (at !== NOW) {
      const standing = await foldStanding(this.registry, model, row.version, at);
      return standing && itemOf(standing);
    }
    const facts = row.facts === null ? newRunFacts() : (JSON.parse(row.facts) as RunFacts);
    return itemOf({ version: JSON.parse(row.state) as VersionState, facts });
  }

  private async requireModel(model: string, at: number): Promise<void> {
    const text = 'select from models m where m.model = $1 and m.first_seq <= $2';
    const { rowCount } = await this.registry.pool.query(text, [model, at]);
    if (rowCount === 0) throw new NotFoundException(`There is no model ${model}.`);
  }
}
