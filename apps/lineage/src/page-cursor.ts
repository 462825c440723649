import { RuntimeRefusal } from '@runseal/runtime';

/** Where a page ended: the values of its last line that the order goes by. Opaque to callers. */
export function writeCursor(values: readonly (string | number | boolean | null)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

type Values = readonly (string | number | boolean | null)[];

/** Throws the refusal `invalid_request` where the text is none that fits. */
export function readCursor(text: string, fits: (values: Values) => boolean): Values {
  const values = parse(text);
  if (Array.isArray(values) && fits(values as Values)) return values as Values;
  const wanted = 'next_cursor of the page before, with the same order';
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
