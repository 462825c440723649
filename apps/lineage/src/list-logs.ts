import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Page } from './answers.js';
import { findDocument } from './find-document.js';
import { Lineage } from './lineage.js';
import type { LogChunkItem } from './observed-answers.js';
import { readCursor, writeCursor } from './page-cursor.js';

export class ListLogs {
  constructor(
    readonly run: string,
    readonly source: LogChunkItem['source'] | null,
    readonly page: { readonly limit: number; readonly cursor?: string },
  ) {}
}

@QueryHandler(ListLogs)
export class ListLogsHandler implements IQueryHandler<ListLogs, Page<LogChunkItem>> {
  constructor(private readonly lineage: Lineage) {}

  async execute({ run, source, page: { limit, cursor } }: ListLogs): Promise<Page<LogChunkItem>> {
    const { pool } = this.lineage;
    const [after] = cursor === undefined ? [-1] : readCursor(cursor, isPlace);
    await findDocument(pool, run);
    const result = await pool.query<LogChunkItem>({
      name: 'logs-of-run',
      text: `
select l.attempt, l.source, l.chunk, l.digest, l.size_bytes, l.lines, l.masked, l.location, l.at, l.seq
from log_chunks l
where l.run = $1 and l.seq > $2 and ($3::text is null or l.source = $3)
order by l.seq
limit $4`,
      values: [run, after, source, limit + 1],
    });
    const items = result.rows.slice(0, limit);
    const last = items.at(-1);
    return { items, next_cursor: last && result.rows.length > limit ? writeCursor([last.seq]) : null };
  }
}

/** The seq of the last line. */
const isPlace = (values: readonly unknown[]): boolean => values.length === 1 && Number.isSafeInteger(values[0]);
