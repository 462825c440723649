import { RuntimeRefusal } from './refusal.js';

/** A moment of the ledger: after a record, or at a time, which the ledger turns into a record. */
export type AsOf = { readonly seq: number } | { readonly time: Date };

const SEQ = /^(0|[1-9][0-9]{0,14})$/;
/** RFC 3339 with a zone, upper-case T and Z, at most 9 fraction digits. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

/** Reads `?as_of=<seq or time>`; a time below a millisecond is cut. Throws the refusal `invalid_request` for anything else. */
export function parseAsOf(text: string): AsOf {
  if (SEQ.test(text)) return { seq: Number(text) };
  const time = TIME.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(time)) return { time: new Date(time) };
  const wanted = 'a seq, or a time like 2026-01-26T10:30:00Z (in a URL, the + of an offset is %2B)';
  const errors = [{ path: '/as_of', found: 'something else', wanted }];
  throw new RuntimeRefusal('invalid_request', `as_of: found something else, wanted ${wanted}.`, { errors });
}
