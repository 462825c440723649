import { RuntimeRefusal } from '@runseal/runtime';

/** Where a page ended: the name or number of its last line. Opaque to callers. */
export const writeCursor = (last: string | number): string => Buffer.from(JSON.stringify(last)).toString('base64url');

/** Null without a cursor. Throws the refusal `invalid_request` where the text is none of that kind. */
export function readCursor(text: string | undefined, kind: 'string' | 'number'): string | number | null {
  if (text === undefined) return null;
  const value = parse(text);
  const fits = kind === 'number' ? Number.isSafeInteger(value) : typeof value === 'string' && !value.includes('\0');
  if (fits) return value as string | number;
  const wanted = 'next_cursor of the page before';
  const errors = [{ path: '/cursor', found: 'something else', wanted }];
  throw new RuntimeRefusal('invalid_request', `cursor: found something else, wanted ${wanted}.`, { errors });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return null;
  }
}
