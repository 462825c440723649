import type { RecordJson } from './record-json.js';

const FORMAT = 'runseal.export.v1';

/** A line of an export: the header first, then one a record (`parseRecord` checks it), the signed head's note last. */
export type ExportLine =
  { kind: 'header'; ledger: string } | { kind: 'record'; record: unknown } | { kind: 'head'; note: string };

/** The first line, without its newline. */
export function exportHeaderLine(ledger: string): string {
  return JSON.stringify({ format: FORMAT, ledger });
}

/** A record's line, without its newline. */
export function exportRecordLine(record: RecordJson): string {
  return JSON.stringify(record);
}

/** The last line, without its newline. */
export function exportHeadLine(note: string): string {
  return JSON.stringify({ head: note });
}

/** Reads a line, without its newline. Throws a TypeError on what is none and on an export of another format. */
export function parseExportLine(text: string): ExportLine {
  const line = parseObject(text);
  if ('seq' in line) return { kind: 'record', record: line };
  if (typeof line['head'] === 'string') return { kind: 'head', note: line['head'] };
  if (line['format'] === FORMAT && typeof line['ledger'] === 'string')
    return { kind: 'header', ledger: line['ledger'] };
  throw new TypeError(`found a line that is no header of ${FORMAT}, no record and no head`);
}

function parseObject(text: string): Record<string, unknown> {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch (cause) {
    throw new TypeError('a line of the export is not JSON: it is cut off or changed', { cause });
  }
  if (line === null || typeof line !== 'object') throw new TypeError('a line of an export is a JSON object');
  return line as Record<string, unknown>;
}
