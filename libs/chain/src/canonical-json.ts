import canonicalize from 'canonicalize';

/**
 * Canonical JSON (RFC 8785) of plain JSON data. Throws a TypeError with the JSON pointer of whatever JSON cannot say:
 * NaN, Infinity, undefined, bigint, functions, lone surrogates, cycles, holes, and objects that are not plain (Map, Date, Buffer).
 * `toJSON` is never called: what would be written must be what was passed.
 */
export function canonicalJson(value: unknown): string {
  refuseUnplain(value);
  return canonicalize(value) as string;
}

interface Visit {
  value: unknown;
  key: string | number;
  parent: Visit | null;
}

/** Walks with its own stack, so that depth is bounded by memory as in `canonicalize` and not by the call stack. */
function refuseUnplain(root: unknown): void {
  const pending: Visit[] = [{ value: root, key: '', parent: null }];
  for (let visit = pending.pop(); visit !== undefined; visit = pending.pop()) {
    const { value } = visit;
    if (value === null || typeof value === 'boolean') continue;
    if (typeof value === 'string') {
      if (!value.isWellFormed()) refuse(visit, 'a lone surrogate');
    } else if (typeof value === 'number') {
      if (!Number.isFinite(value)) refuse(visit, String(value));
    } else if (typeof value !== 'object') {
      refuse(visit, typeof value);
    } else {
      pushChildren(visit, value, pending);
    }
  }
}

function pushChildren(visit: Visit, value: object, pending: Visit[]): void {
  for (let above = visit.parent; above !== null; above = above.parent) {
    if (above.value === value) refuse(visit, 'a cycle');
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) pending.push({ value: value[index], key: index, parent: visit });
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) refuse(visit, 'an object that is not plain');
  if ('toJSON' in value && typeof value.toJSON === 'function') refuse(visit, 'an object with toJSON');
  for (const [key, member] of Object.entries(value)) {
    if (!key.isWellFormed()) refuse(visit, 'a member name with a lone surrogate');
    pending.push({ value: member, key, parent: visit });
  }
}

function refuse(visit: Visit, found: string): never {
  const path: (string | number)[] = [];
  for (let at = visit; at.parent !== null; at = at.parent) path.unshift(at.key);
  const pointer = path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  throw new TypeError(`canonical JSON: found ${found} at "${pointer}", wanted plain JSON`);
}
