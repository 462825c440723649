import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { TestServer, waitFor } from '@runseal/testing';
import { BODY_LIMIT, openAccess, Sample } from './sample-service.fixture.js';

let server: TestServer;
let sample: Sample;

beforeAll(async () => {
  server = await TestServer.start();
  sample = await Sample.start(await openAccess(await server.createDatabase()));
}, 60_000);

afterAll(async () => {
  await sample?.service.close();
  await sample?.pool.end();
  await server?.remove();
});

describe('problems', () => {
  const problemOf = async (answer: Response) => {
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const problem = (await answer.json()) as Record<string, unknown>;
    expect(problem).toMatchObject({ status: answer.status, request_id: answer.headers.get('x-request-id') });
    return problem;
  };

  it('keep the words and details of a refusal that the app knows', async () => {
    expect(await problemOf(await sample.get('/v1/fail/refusal'))).toEqual({
      type: 'urn:runseal:problem:stale',
      title: 'Stale',
      status: 409,
      detail: 'The thing is stale.',
      code: 'stale',
      kept_size: 7,
      request_id: expect.any(String),
    });
  });

  it.each(['unmapped', 'bug'])(
    'tell nothing of what is ours to repair (%s), while the log has it under the request id',
    async (how) => {
      const problem = await problemOf(await sample.get(`/v1/fail/${how}`));
      expect(problem).toMatchObject({ status: 500, code: 'internal_error' });
      expect(JSON.stringify(problem)).not.toMatch(/hunter2|stale|\.ts/);
      const line = sample.lines.find(
        (candidate) => candidate.includes(`${problem['request_id']}`) && candidate.includes('request failed'),
      );
      expect(JSON.parse(line ?? '{}')).toMatchObject({
        level: 'error',
        err: { stack: expect.stringContaining('SampleController') },
      });
    },
  );

  it('are no error of ours where the caller hangs up in the middle of a body', async () => {
    const { port, hostname } = new URL(sample.service.url);
    const head = `POST /v1/raw HTTP/1.1\r\nhost: x\r\nauthorization: ${sample.bearer().authorization}\r\n`;
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(`${head}x-request-id: hangs-up\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{`);
    await waitFor('the request to be under way', async () => {
      const metrics = await fetch(`${sample.service.managementUrl}/metrics`);
      return /requests_in_flight\{[^}]*\} [1-9]/.test(await metrics.text());
    });
    socket.destroy();
    const isOurs = (line: string) => line.includes('hangs-up');
    await waitFor('the line of the request', () => sample.lines.some(isOurs));
    expect(sample.lines.filter(isOurs).map((line) => (JSON.parse(line) as { level: string }).level)).not.toContain(
      'error',
    );
  });

  it('say 503 with Retry-After where the database is away', async () => {
    const answer = await sample.get('/v1/fail/outage');
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await problemOf(answer)).toMatchObject({ status: 503, code: 'storage_unavailable' });
  });

  it.each([
    ['an unknown path', () => sample.get('/v1/nothing?secret=1'), 404, 'not_found'],
    ['a wrong method', () => fetch(`${sample.service.url}/v1/things`, { method: 'DELETE' }), 405, 'method_not_allowed'],
    ['an error of the framework', () => sample.get('/v1/fail/nest'), 409, 'conflict'],
    ['a broken percent escape', () => sample.get('/v1/things/%ff'), 400, 'malformed_url'],
    ['a long path segment', () => sample.get(`/v1/things/${'x'.repeat(2_000)}`), 414, 'uri_too_long'],
    [
      'another content type',
      () => sample.post('/v1/raw', 'a', { 'content-type': 'text/plain' }),
      415,
      'unsupported_media_type',
    ],
    [
      'a form',
      () => sample.post('/v1/raw', 'a', { 'content-type': 'application/x-www-form-urlencoded' }),
      415,
      'unsupported_media_type',
    ],
    [
      'another charset',
      () => sample.post('/v1/raw', '{}', { 'content-type': 'application/json; charset=utf-16' }),
      415,
      'unsupported_charset',
    ],
    ['another encoding', () => sample.post('/v1/raw', '{}', { 'content-encoding': 'br' }), 415, 'unsupported_encoding'],
    [
      'doubled gzip',
      () => sample.post('/v1/raw', '{}', { 'content-encoding': 'gzip, gzip' }),
      415,
      'unsupported_encoding',
    ],
    ['a body too long', () => sample.post('/v1/raw', 'x'.repeat(BODY_LIMIT + 1)), 413, 'too_large'],
    ['a body far too long', () => sample.post('/v1/raw', 'x'.repeat(10_000_000)), 413, 'too_large'],
    [
      'a gzip bomb',
      () => sample.post('/v1/raw', gzipSync(Buffer.alloc(30_000_000)), { 'content-encoding': 'gzip' }),
      413,
      'too_large',
    ],
    [
      'gzip cut short',
      () => sample.post('/v1/raw', gzipSync('{"a":1}').subarray(0, -3), { 'content-encoding': 'gzip' }),
      400,
      'invalid_encoding',
    ],
    ['no gzip at all', () => sample.post('/v1/raw', '{}', { 'content-encoding': 'gzip' }), 400, 'invalid_encoding'],
    [
      'an unknown member',
      () => sample.post('/v1/things', '{"name":"n","kind":"a","parts":[],"x":1}'),
      400,
      'invalid_request',
    ],
    ['no object', () => sample.post('/v1/things', '[]'), 400, 'invalid_request'],
    ['__proto__', () => sample.post('/v1/things', '{"__proto__":{"name":"n"}}'), 400, 'forbidden_key'],
    [
      'an overwritten constructor',
      () => sample.post('/v1/things', '{"constructor":{"name":"n"}}'),
      400,
      'forbidden_key',
    ],
    [
      'no body',
      () => fetch(`${sample.service.url}/v1/things`, { method: 'POST', headers: sample.bearer() }),
      400,
      'invalid_json',
    ],
  ])('have a literal code for %s', async (_what, send, status, code) => {
    const answer = await send();
    expect(await problemOf(answer)).toMatchObject({ status, code });
  });

  it.each([
    'Application/JSON',
    'application/json;charset=UTF-8',
    'application/json ; charset="utf-8"',
    'application/json;\tcharset=utf-8',
    ' application/json',
  ])('come of the same strict parser for the content type "%s", or it is refused', async (contentType) => {
    const head = [
      'POST /v1/things HTTP/1.1',
      'host: t',
      'connection: close',
      `authorization: ${sample.bearer().authorization}`,
    ];
    const body = '{"name":"n","kind":"a","kind":"b","parts":[]}';
    const answer = await sample.sendRaw(
      [...head, `content-type: ${contentType}`, `content-length: ${body.length}`, '', body].join('\r\n'),
    );
    expect(answer).toMatch(/"code":"(duplicate_key|unsupported_media_type)"/);
  });

  it('of a body name each fault by path and kind, never by its value', async () => {
    const answer = await sample.post(
      '/v1/things',
      '{"name":"a secret so long","kind":"hunter2","parts":[{"size":1},{"size":"hunter3"}]}',
    );
    const problem = await problemOf(answer);
    expect(problem['errors']).toEqual([
      { path: '/name', found: 'a string of 16 characters', wanted: 'must be shorter than or equal to 10 characters' },
      { path: '/kind', found: 'a string of 7 characters', wanted: 'must be one of the following values: a, b' },
      { path: '/parts/1/size', found: 'a string of 7 characters', wanted: 'must be an integer number' },
    ]);
    expect(JSON.stringify(problem)).not.toMatch(/secret|hunter/);
  });

  it('reach a client whose request is no HTTP, or whose body is shorter than announced', async () => {
    expect(await sample.sendRaw('GARBAGE\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400 [^]*application\/problem\+json[^]*malformed_request/,
    );
    const head = `POST /v1/raw HTTP/1.1\r\nhost: t\r\nauthorization: ${sample.bearer().authorization}\r\ncontent-type: application/json\r\n`;
    expect(await sample.sendRaw(`${head}content-length: 100\r\n\r\n{}`, { breaksOff: true })).toMatch(
      /^HTTP\/1.1 400 /,
    );
    expect(await sample.sendRaw(`${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`)).toMatch(/^HTTP\/1.1 400 /);
    expect(await sample.sendRaw(`GET /v1/things HTTP/1.1\r\nhost: t\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 /,
    );
    expect((await sample.get('/health/live')).status).toBe(200);
  });

  it('come when a request does not arrive in time', async () => {
    const hasty = await sample.startAnother({ timeouts: { request_ms: 100, headers_ms: 100 } });
    try {
      const answer = await sample.sendRaw('POST /v1/raw HTTP/1.1\r\nhost: t\r\n', { url: hasty.url });
      expect(answer).toMatch(/^HTTP\/1.1 408 [^]*request_timeout/);
    } finally {
      await hasty.close();
    }
  }, 60_000);
});
