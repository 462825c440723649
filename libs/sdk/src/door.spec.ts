import { readAnswer, readRetryAfter } from './door.js';
import { findGuilty } from './guilty.js';

const receipt = {
  id: '01936b6e-0000-7000-8000-000000000000',
  ledger: 'default',
  epoch: 0,
  seq: 1,
  hash: 'a'.repeat(64),
  sealed_at: '2026-01-26T10:30:00.123Z',
  duplicate: false,
};
const read = (status: number, body: object | string, count = 2) =>
  readAnswer(status, null, { text: typeof body === 'string' ? body : JSON.stringify(body), count });

describe('readAnswer', () => {
  it('takes as many receipts as events for sealed, and nothing else', () => {
    expect(read(201, { receipts: [receipt, receipt] }).kind).toBe('sealed');
    expect(read(201, { receipts: [receipt] }).kind).toBe('retry');
    expect(read(201, { receipts: [receipt, { ...receipt, hash: 'x' }] }).kind).toBe('retry');
    expect(read(200, '<html>a login page</html>').kind).toBe('retry');
  });

  it.each([
    [400, 'invalid_payload', 'refused'],
    [413, 'too_large', 'refused'],
    [409, 'event_id_conflict', 'refused'],
    [409, 'version_conflict', 'refused'],
    [409, 'conflict', 'retry'],
    [409, 'ledger_rewound', 'hold'],
    [400, 'invalid_content_length', 'retry'],
    [401, 'unauthenticated', 'hold'],
    [403, 'forbidden_stream', 'hold'],
    [404, 'not_found', 'retry'],
    [429, 'too_many_requests', 'retry'],
    [503, 'ledger_behind', 'retry'],
  ])('takes %i %s for %s', (status, code, kind) => {
    expect(read(status, { code }).kind).toBe(kind);
  });

  it('sets nothing aside for the 400 of a proxy, but splits for its 413', () => {
    expect(read(400, '<html>Bad Request</html>').kind).toBe('retry');
    expect(read(413, '<html>Too Large</html>').kind).toBe('refused');
    expect(read(302, '').kind).toBe('retry');
  });

  it('reads epoch and kept size of a changed epoch', () => {
    expect(read(409, { code: 'epoch_changed', epoch: 2, kept_size: 10 })).toEqual({
      kind: 'epoch_changed',
      epoch: 2,
      keptSize: 10,
    });
    expect(read(409, { code: 'epoch_changed' }).kind).toBe('retry');
  });
});

describe('readRetryAfter', () => {
  it('reads seconds and dates, limits both to ten minutes and ignores nonsense', () => {
    const now = Date.parse('2026-01-26T10:00:00Z');
    expect(readRetryAfter('7', now)).toBe(7000);
    expect(readRetryAfter('Mon, 26 Jan 2026 10:00:30 GMT', now)).toBe(30_000);
    expect(readRetryAfter('Mon, 26 Jan 2026 09:00:30 GMT', now)).toBe(0);
    expect(readRetryAfter('86400', now)).toBe(600_000);
    expect(readRetryAfter('soon', now)).toBe(0);
    expect(readRetryAfter(null, now)).toBe(0);
  });
});

describe('findGuilty', () => {
  const problem = (...indexes: unknown[]) => ({
    status: 400,
    code: 'invalid_payload',
    detail: '',
    errors: indexes.map((index) => ({ index: index as number })),
  });

  it('blames whom the server names, once, in order', () => {
    expect(findGuilty(problem(3, 1, 3), 5)).toEqual([1, 3]);
  });

  it('blames nobody of several where no valid index is named, and the only one always', () => {
    expect(findGuilty(problem(), 5)).toEqual([]);
    expect(findGuilty(problem(5, -1, 1.5, '1', undefined), 5)).toEqual([]);
    expect(findGuilty(problem(), 1)).toEqual([0]);
  });
});
