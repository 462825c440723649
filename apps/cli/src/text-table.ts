import { stripVTControlCharacters } from 'node:util';

/** Columns of a line of prose; tables are as wide as their cells. */
export const WIDTH = 100;

/** Rows under their headings, columns as wide as their widest cell, for a terminal. Cells are single lines; colours count as nothing. */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => text + ' '.repeat((widths[column] ?? 0) - widthOf(text)))
      .join('  ')
      .trimEnd();
  return all.map(line).join('\n');
}

const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length;

/** A value for a table: numbers to at most 6 significant digits, text in one line of at most `max` characters, `-` for what is not known. */
export function cell(value: number | string | null | undefined, max = 40): string {
  if (value === null || value === undefined || value === '') return '-';
  return typeof value === 'number' ? short(value) : cut(plain(value), max);
}

/** A number for people: whole numbers as they are, others to 6 significant digits. */
export function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** Somebody's text in one line. It may not steer the terminal that it is shown on, nor turn the way in which a line is read. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ');
}

function cut(text: string, max: number): string {
  const characters = [...text];
  return characters.length > max ? `${characters.slice(0, max - 1).join('')}…` : text;
}

/** The beginning of an id that tells it from others: of a UUID the part that holds its time. Commands take it for the whole. */
export const shortId = (id: string): string => id.slice(0, 13);

/** `sha256:` and the first 12 digits, or that there is none. */
export const shortDigest = (digest: string | null): string =>
  digest === null ? 'not hashed' : `${digest.slice(0, 19)}…`;

/** A time to the second, `2026-01-26 10:30:00Z`; what is none stays as it is. */
export function shortTime(time: string | null): string {
  return cell(time?.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(?=Z|[+-])/, '$1 $2'));
}

/** Seconds as people say them: `6.5 s`, `4 min 12 s`, `3 h 07 min`, `2 d 04 h`. */
export function duration(seconds: number): string {
  if (!(seconds >= 60)) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const units = [
    ['d', Math.floor(whole / 86_400)],
    ['h', Math.floor(whole / 3_600) % 24],
    ['min', Math.floor(whole / 60) % 60],
    ['s', whole % 60],
  ] as const;
  const first = units.findIndex(([, count]) => count > 0);
  return units
    .slice(first, first + 2)
    .map(([unit, count], place) => `${place === 0 ? count : String(count).padStart(2, '0')} ${unit}`)
    .join(' ');
}

/** Prose in lines of at most `WIDTH` columns, each after the indent. A word that is longer than a line stays whole. */
export function wrap(text: string, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of plain(text).split(/ +/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && indent.length + longer.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line].map((one) => indent + one).join('\n');
}
