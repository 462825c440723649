import type { Connection } from '@runseal/postgres';
import { arrayParameter, wireType, type ColumnType, type ColumnValue } from './array-parameter.js';

type Columns = Readonly<Record<string, ColumnType>>;

/** The columns of a table that rows are written with, in this order; `key` is its primary key. */
export interface RowTable<C extends Columns = Columns> {
  readonly name: string;
  readonly columns: C;
  readonly key: readonly string[];
}

/** A row of it. Null is SQL's null. */
export type RowOf<Table extends RowTable> = {
  readonly [Name in keyof Table['columns']]: ColumnValue[Table['columns'][Name]] | null;
};

/** Declares a table for the functions below: `defineTable('runs', { run: 'uuid', state: 'text' }, ['run'])`. */
export function defineTable<const C extends Columns>(
  name: string,
  columns: C,
  key: readonly (keyof C & string)[],
): RowTable<C> {
  return { name, columns, key };
}

/** Inserts rows in one statement; a row whose key is there fails all of them (SQLSTATE 23505). */
export function insertRows<Table extends RowTable>(
  connection: Connection,
  table: Table,
  rows: readonly RowOf<Table>[],
): Promise<void> {
  return write(connection, statementsOf(table).insert, rows);
}

/** As `insertRows`, but the first row of a key stays: later ones, of this call too, change nothing. */
export function insertNewRows<Table extends RowTable>(
  connection: Connection,
  table: Table,
  rows: readonly RowOf<Table>[],
): Promise<void> {
  return write(connection, statementsOf(table).insertNew, rows);
}

/** As `insertRows`, but the last row of a key stays: it replaces all declared columns of the one before. */
export function upsertRows<Table extends RowTable>(
  connection: Connection,
  table: Table,
  rows: readonly RowOf<Table>[],
): Promise<void> {
  return write(connection, statementsOf(table).upsert, lastOfEachKey(table, rows));
}

interface Statement {
  readonly name: string;
  readonly text: string;
  readonly columns: readonly (readonly [string, ColumnType])[];
}

interface Statements {
  readonly insert: Statement;
  readonly insertNew: Statement;
  readonly upsert: Statement;
}

// Postgres keeps the plan of a named statement with the connection, and makes it anew where the tables behind the names change.
const prepared = new WeakMap<RowTable, Statements>();
let tablesPrepared = 0;

function statementsOf(table: RowTable): Statements {
  const known = prepared.get(table);
  if (known) return known;
  const number = (tablesPrepared += 1);
  const columns = Object.entries(table.columns);
  const names = columns.map(([column]) => `"${column}"`).join(', ');
  const values = columns.map(([column, type]) => (wireType(type) === type ? `"${column}"` : `"${column}"::${type}`));
  const arrays = columns.map(([, type], index) => `$${index + 1}::${wireType(type)}[]`);
  const text =
    `insert into "${table.name}" (${names}) select ${values.join(', ')} ` +
    `from unnest(${arrays.join(', ')}) as u (${names})`;
  const sets = columns
    .filter(([column]) => !table.key.includes(column))
    .map(([name]) => `"${name}" = excluded."${name}"`);
  const key = table.key.map((column) => `"${column}"`).join(', ');
  const action = sets.length > 0 ? `update set ${sets.join(', ')}` : 'nothing';
  const statements = {
    insert: { name: `insert-${number}`, text, columns },
    insertNew: { name: `insert-new-${number}`, text: `${text} on conflict do nothing`, columns },
    upsert: { name: `upsert-${number}`, text: `${text} on conflict (${key}) do ${action}`, columns },
  };
  prepared.set(table, statements);
  return statements;
}

async function write(
  connection: Connection,
  { name, text, columns }: Statement,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  if (rows.length === 0) return;
  const values = columns.map(([column, type]) =>
    arrayParameter(
      type,
      rows.map((row) => row[column] as never),
    ),
  );
  await connection.query({ name, text, values });
}

/** A statement may touch a row once only. */
function lastOfEachKey<Row extends Readonly<Record<string, unknown>>>(
  table: RowTable,
  rows: readonly Row[],
): readonly Row[] {
  const [first, ...more] = table.key;
  if (first === undefined) throw new Error(`${table.name}: found no key, wanted the columns of its primary key.`);
  const last = new Map<unknown, Row>();
  for (const row of rows) {
    const key = more.length === 0 ? row[first] : table.key.map((column) => String(row[column])).join('\0');
    last.set(key, row);
  }
  return last.size === rows.length ? rows : [...last.values()];
}
