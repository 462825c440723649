/** Rows under their headings, columns as wide as their widest cell, for a terminal. Cells are single lines. */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => [...(row[column] ?? '')].length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length))
      .join('  ')
      .trimEnd();
  return all.map(line).join('\n');
}

/** A value for a table: numbers to at most 6 significant digits, `-` for what is not known. */
export function cell(value: number | string | null | undefined): string {
  if (value === null || value === undefined || value === '') return '-';
  return typeof value === 'number' ? short(value) : value.replace(/\p{Cc}+/gu, ' ');
}

/** A number for people: whole numbers as they are, others to 6 significant digits. */
export function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}
