import type { Connection } from '@runseal/postgres';
import { canonicalMetric, definitionOf } from '@runseal/rules';
import type { RowKind, Rows } from '../engine/input.js';

/** The rows of one attempt, and the record of the first of them. */
export interface StoredRows {
  readonly attempt: string;
  readonly rows: Rows;
  readonly first_seq: number;
}

type StoredRow = [
  attempt: string,
  kind: RowKind,
  step: number | null,
  n: number,
  seq: number,
  loss: number | null,
  grad_norm: number | null,
  eval_loss: number | null,
  others: string | null,
];

/** The rows of a run by attempt, in the order in which the engine wants them. Without `others` only the three columns. */
export async function readRows(
  connection: Connection,
  run: string,
  { others, evaluationsOnly = false }: { readonly others: boolean; readonly evaluationsOnly?: boolean },
): Promise<StoredRows[]> {
  const result = await connection.query<StoredRow>({
    rowMode: 'array',
    text: `
select m.attempt, m.kind, m.step, m.n, m.seq, m.loss, m.grad_norm, m.eval_loss, ${others ? 'm.others' : 'null'}
from metric_rows m
where m.run = $1${evaluationsOnly ? " and (m.kind <> 'train' or m.eval_loss is not null)" : ''}
order by m.attempt, m.step nulls last, case m.kind when 'train' then 0 when 'eval' then 1 else 2 end, m.n, m.seq, m.place`,
    values: [run],
  });
  const byAttempt = new Map<string, Builder>();
  for (const row of result.rows) {
    const builder = byAttempt.get(row[0]) ?? new Builder();
    byAttempt.set(row[0], builder);
    builder.add(row);
  }
  return [...byAttempt].map(([attempt, builder]) => ({ attempt, rows: builder.rows, first_seq: builder.first_seq }));
}

class Builder {
  first_seq = Infinity;
  private readonly columns = {
    kind: [] as RowKind[],
    step: [] as (number | null)[],
    n: [] as number[],
    seq: [] as number[],
    loss: [] as (number | null)[],
    grad_norm: [] as (number | null)[],
    eval_loss: [] as (number | null)[],
  };
  private readonly others = new Map<string, (number | null)[]>();

  get rows(): Rows {
    const { length } = this.columns.kind;
    const others = [...this.others].map(([name, column]) => {
      while (column.length < length) column.push(null);
      return [name, column] as const;
    });
    return { ...this.columns, others: Object.fromEntries(others) };
  }

  add([, kind, step, n, seq, loss, grad_norm, eval_loss, others]: StoredRow): void {
    const { columns } = this;
    const row = columns.kind.push(kind) - 1;
    columns.step.push(step);
    columns.n.push(n);
    columns.seq.push(seq);
    columns.loss.push(loss);
    columns.grad_norm.push(grad_norm);
    columns.eval_loss.push(eval_loss);
    this.first_seq = Math.min(this.first_seq, seq);
    if (others === null) return;
    for (const [key, value] of Object.entries(JSON.parse(others) as Record<string, number | string>)) {
      const name = canonicalMetric(key, kind);
      if (isOnDeclaredScale(name)) continue;
      const column = this.others.get(name) ?? [];
      this.others.set(name, column);
      while (column.length < row) column.push(null);
      column[row] ??= Number(value);
    }
  }
}

/** A task metric means nothing without its scale, which a row does not tell: it counts where run.evaluated says it. */
const isOnDeclaredScale = (metric: string): boolean => {
  const definition = definitionOf(metric);
  return (
    definition !== null && definition.direction === 'higher' && definition.unit === null && metric !== 'eval_accuracy'
  );
};
