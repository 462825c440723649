import type { Pool } from '@runseal/postgres';
import { doublesOf, fromDouble } from './metric-chunks.js';
import { isMeant, type MetricKind } from './series.js';

export interface CsvWanted {
  readonly run: string;
  readonly keys?: readonly string[];
  readonly kind?: MetricKind;
  readonly from?: number;
  readonly to?: number;
}

const PAGE_CHUNKS = 500;

interface Chunk {
  readonly kind: MetricKind;
  readonly seq: number;
  readonly part: number;
  readonly attempt: string;
  readonly keys: readonly string[];
  readonly rows: number;
  readonly steps: Buffer;
  readonly epochs: Buffer | null;
  readonly ns: Buffer | null;
  readonly ats: string | null;
  readonly data: Buffer;
}

/** Every raw point of a run, of all attempts, in order of kind and seq: one line each, a page of memory at a time. */
export async function* csvOf(pool: Pool, wanted: CsvWanted): AsyncGenerator<string> {
  yield 'seq,kind,attempt,step,n,at,epoch,metric,value\n';
  let last: Pick<Chunk, 'kind' | 'seq' | 'part'> = { kind: '' as MetricKind, seq: -1, part: -1 };
  for (;;) {
    const page = await readPage(pool, wanted, last);
    const text = page.map((chunk) => linesOf(chunk, wanted)).join('');
    if (text !== '') yield text;
    if (page.length < PAGE_CHUNKS) return;
    last = page.at(-1) as Chunk;
  }
}

async function readPage(
  pool: Pool,
  { run, kind }: CsvWanted,
  last: Pick<Chunk, 'kind' | 'seq' | 'part'>,
): Promise<Chunk[]> {
  const result = await pool.query<Chunk>({
    name: 'csv-page',
    text: `
select c.kind, c.seq, c.part, c.attempt, s.keys, c.rows, c.steps, c.epochs, c.ns, c.ats, c.data
from metric_chunks c
join metric_key_sets s on s.key_set = c.key_set
where c.run = $1 and (c.kind, c.seq, c.part) > ($2, $3, $4) and ($5::text is null or c.kind = $5)
order by c.kind, c.seq, c.part
limit ${PAGE_CHUNKS}`,
    values: [run, last.kind, last.seq, last.part, kind ?? null],
  });
  return result.rows;
}

function linesOf(chunk: Chunk, { keys: wanted, from = -Infinity, to = Infinity }: CsvWanted): string {
  const { kind, seq, attempt, keys, rows } = chunk;
  const shown = keys
    .map((key, column) => ({ key, column }))
    .filter(({ key }) => !wanted || wanted.some((name) => isMeant({ key, kind }, name)));
  if (shown.length === 0) return '';
  const [steps, data] = [doublesOf(chunk.steps), doublesOf(chunk.data)];
  const [ns, epochs] = [chunk.ns && doublesOf(chunk.ns), chunk.epochs && doublesOf(chunk.epochs)];
  const ats = chunk.ats === null ? [] : (JSON.parse(chunk.ats) as (string | null)[]);
  const isWhole = from === -Infinity && to === Infinity;
  let text = '';
  for (let row = 0; row < rows; row += 1) {
    const step = steps[row] as number;
    if (!isWhole && !(step >= from && step <= to)) continue;
    const place = `${seq},${kind},${attempt},${orEmpty(step)},${ns?.[row] ?? 0},${ats[row] ?? ''},${orEmpty(epochs?.[row])}`;
    for (const { key, column } of shown) {
      text += `${place},${quote(key)},${fromDouble(data[column * rows + row] as number)}\n`;
    }
  }
  return text;
}

const orEmpty = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '' : String(value);

/** RFC 4180. */
const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
