import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import {
  Body,
  Controller,
  Get,
  HttpException,
  Injectable,
  Module,
  Param,
  Post,
  Query,
  type OnModuleDestroy,
} from '@nestjs/common';
import { openPool, migrate, type Pool } from '@runseal/postgres';
import { TestServer, urlAs, waitFor } from '@runseal/testing';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsIn, IsInt, IsString, MaxLength, ValidateNested } from 'class-validator';
import {
  accessMigrations,
  createKey,
  CurrentCaller,
  KeyAuthenticator,
  Readiness,
  Scope,
  startService,
  type Caller,
  type RunningService,
  type ScopeName,
} from './index.js';

class PartRequest {
  @IsInt()
  size!: number;
}

class ThingRequest {
  @IsString()
  @MaxLength(10)
  name!: string;

  @IsIn(['a', 'b'])
  kind!: string;

  @ValidateNested({ each: true })
  @Type(() => PartRequest)
  @ArrayMaxSize(3)
  parts!: PartRequest[];
}

class ListQuery {
  @IsInt()
  @Type(() => Number)
  limit!: number;
}

class StaleThing extends Error {
  override readonly name = 'Refusal';
  readonly detail = { kept_size: 7 };
  constructor(readonly code: string) {
    super('The thing is stale.');
  }
}

let release: (() => void) | null = null;
let isArrived = false;
const closedWhileServing: boolean[] = [];

@Injectable()
class Resource implements OnModuleDestroy {
  isOpen = true;
  constructor(readiness: Readiness) {
    readiness.addCheck('resource', async () => {
      if (!resourceIsUp) throw new Error('down on purpose');
    });
  }
  onModuleDestroy(): void {
    this.isOpen = false;
  }
}
let resourceIsUp = true;

@Controller('v1')
class SampleController {
  constructor(private readonly resource: Resource) {}

  @Get('things')
  @Scope('read', { verb: 'query' })
  list(@Query() query: ListQuery): ListQuery {
    return query;
  }

  @Get('things/:id')
  @Scope('read', { verb: 'query' })
  one(@Param('id') id: string): { id: string } {
    return { id };
  }

  @Get('tiles/*')
  @Scope('read', { openedBy: 'tiles' })
  tile(): string {
    return 'tile';
  }

  @Post('things')
  @Scope('policy:write', { verb: 'submit' })
  create(@Body() body: ThingRequest, @CurrentCaller() caller: Caller): { name: string; by: string } {
    return { name: body.name, by: caller.principal };
  }

  @Post('raw')
  @Scope('events:write', { verb: 'submit' })
  raw(@Body() body: Buffer): { length: number } {
    return { length: body.length };
  }

  @Get('wait')
  @Scope('admin')
  async wait(): Promise<{ isOpen: boolean }> {
    isArrived = true;
    await new Promise<void>((resolve) => (release = resolve));
    closedWhileServing.push(!this.resource.isOpen);
    return { isOpen: this.resource.isOpen };
  }

  @Get('fail/:how')
  @Scope('read')
  fail(@Param('how') how: string): never {
    if (how === 'refusal') throw new StaleThing('stale');
    if (how === 'unmapped') throw new StaleThing('unheard_of');
    if (how === 'nest') throw new HttpException('gone', 409);
    if (how === 'outage')
      throw new Error('wrapped', { cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) });
    throw new Error('password=hunter2 in the message');
  }
}

@Module({ controllers: [SampleController], providers: [Resource] })
class SampleModule {}

let server: TestServer;
let pool: Pool;
let service: RunningService;
const lines: string[] = [];
const keys = new Map<ScopeName | 'all', string>();
const LIMIT = 64 * 1024;

const start = (more: Partial<Parameters<typeof startService>[0]> = {}): Promise<RunningService> =>
  startService({
    name: 'sample',
    version: '1.2.3',
    module: SampleModule,
    host: '127.0.0.1',
    port: 0,
    managementPort: null,
    log: { level: 'debug', destination: { write: (line) => void lines.push(line) } },
    authenticator: new KeyAuthenticator(pool),
    bodyLimit: LIMIT,
    refusalStatus: { stale: 409 },
    ...more,
  });

beforeAll(async () => {
  server = await TestServer.start();
  const url = await server.createDatabase();
  const admin = openPool({ url, applicationName: 'test' });
  await admin.query("create role runseal_ingest login password 'ingest'");
  await migrate(url, await accessMigrations());
  await admin.end();
  pool = openPool({ url: urlAs(url, 'runseal_ingest', 'ingest'), applicationName: 'test' });
  const all: ScopeName[] = ['events:write', 'read', 'policy:write', 'approve', 'admin'];
  for (const scopes of [all, ...all.map((scope) => [scope])]) {
    const key = await createKey(pool, { principal: 'someone', kind: 'person', ledger: 'default', scopes });
    keys.set(scopes.length > 1 ? 'all' : (scopes[0] as ScopeName), key.secret);
  }
  service = await start({ managementPort: 0 });
}, 60_000);

afterAll(async () => {
  await service?.close();
  await pool?.end();
  await server?.remove();
});

const bearer = (scope: ScopeName | 'all' = 'all') => ({ authorization: `Bearer ${keys.get(scope)}` });
const get = (path: string, headers: Record<string, string> = bearer()) => fetch(service.url + path, { headers });
const post = (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  fetch(service.url + path, {
    method: 'POST',
    headers: { ...bearer(), 'content-type': 'application/json', ...headers },
    body,
  });

/** Sends bytes that fetch would not, and returns all that comes until the server closes the connection. */
async function sendRaw(text: string, breaksOff = false): Promise<string> {
  const { port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), '127.0.0.1', () => (breaksOff ? socket.end(text) : socket.write(text)));
    socket.setEncoding('latin1').on('data', (data) => (answer += data));
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

describe('the guard', () => {
  const requestOf = (method: string, path: string, headers: Record<string, string>) =>
    [
      `${method} ${path} HTTP/1.1`,
      'host: test',
      'connection: close',
      'content-length: 2',
      'content-type: application/json',
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '',
      '{}',
    ].join('\r\n');

  const spellings = (path: string): string[] => {
    const bare = path.replace(/:[a-z]+|\*/g, '1');
    return [
      bare,
      `${bare}/`,
      `/${bare}`,
      bare.replaceAll('/', '//'),
      `${bare};x=1`,
      `${bare};x=1/`,
      `${bare}?a=1`,
      `${bare}%2f`,
      `${bare}%00`,
      bare.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
      bare.replace(/[a-z](?=[^a-z]*$)/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
      bare.toUpperCase(),
      `/.${bare}`,
      `/x/..${bare}`,
      `http://test${bare}`,
      bare.slice(1),
    ];
  };

  it('lets nobody in without a key or with a key of the wrong scope, however the path and the method are spelled', async () => {
    const guarded = service.routes.filter((route) => route.policy?.scope !== 'public');
    expect(guarded.map((route) => `${route.method} ${route.path}`)).toEqual(
      expect.arrayContaining([
        'GET /v1/things',
        'HEAD /v1/things',
        'POST /v1/raw',
        'GET /v1/openapi.json',
        'GET /v1/tiles/*',
      ]),
    );
    let tried = 0;
    for (const route of guarded) {
      const wrong = route.policy?.scope === 'approve' ? 'read' : 'approve';
      for (const path of spellings(route.path)) {
        for (const method of new Set([route.method, 'HEAD', 'OPTIONS', 'GET', 'QUERY'])) {
          for (const headers of [
            {},
            bearer(wrong),
            { authorization: 'Bearer rsk_x' },
            { 'x-forwarded-user': 'root' },
          ]) {
            const answer = await sendRaw(requestOf(method, path, headers as Record<string, string>));
            const status = statusOf(answer);
            if (status < 400 || status >= 500) throw new Error(`${method} ${path} got ${answer.slice(0, 200)}`);
            tried++;
          }
        }
      }
    }
    expect(tried).toBeGreaterThan(2_000);
  }, 60_000);

  it('lets in whoever has the scope, and only by the declared spelling or its percent-encoding', async () => {
    expect((await get('/v1/things?limit=3', bearer('read'))).status).toBe(200);
    expect((await get('/v1/thing%73?limit=3', bearer('read'))).status).toBe(200);
    expect((await get('/v1/things/?limit=3', bearer('read'))).status).toBe(404);
  });

  it('says how to authenticate, and what is missing', async () => {
    const none = await get('/v1/things', {});
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="runseal"']);
    const bad = await get('/v1/things', { authorization: 'Bearer rsk_aaaaaaaaaaaaaaaa_' + 'A'.repeat(43) });
    expect([bad.status, bad.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="runseal", error="invalid_token"',
    ]);
    const wrong = await get('/v1/things', bearer('admin'));
    expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
      403,
      'Bearer realm="runseal", error="insufficient_scope", scope="read"',
    ]);
    expect(await wrong.json()).toMatchObject({ code: 'forbidden', status: 403 });
  });

  it('refuses before it reads the body', async () => {
    const answer = await sendRaw(
      'POST /v1/raw HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{',
    );
    expect(statusOf(answer)).toBe(401);
  });

  it('opens a route with its switch, and still refuses a bad key there', async () => {
    const opened = await start({ openSwitches: ['tiles'] });
    try {
      expect((await fetch(`${opened.url}/v1/tiles/a/b`)).status).toBe(200);
      expect((await fetch(`${opened.url}/v1/things/1`)).status).toBe(401);
      expect((await fetch(`${opened.url}/v1/tiles/a`, { headers: { authorization: 'Bearer x' } })).status).toBe(401);
    } finally {
      await opened.close();
    }
  });

  it('does not start a service that has a route without a scope', async () => {
    @Controller('forgotten')
    class ForgottenController {
      @Get('route')
      route(): string {
        return 'open';
      }
    }
    @Module({ controllers: [ForgottenController] })
    class ForgottenModule {}
    await expect(start({ module: ForgottenModule })).rejects.toThrow('GET /forgotten/route');
  });

  it('gives the handler its caller', async () => {
    const answer = await post('/v1/things', '{"name":"n","kind":"a","parts":[]}');
    expect([answer.status, await answer.json()]).toEqual([
      201,
      { name: 'n', by: expect.stringMatching(/^p_[a-z2-7]{26}$/) },
    ]);
  });
});

describe('problems', () => {
  const problemOf = async (answer: Response) => {
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const problem = (await answer.json()) as Record<string, unknown>;
    expect(problem).toMatchObject({ status: answer.status, request_id: answer.headers.get('x-request-id') });
    return problem;
  };

  it('keep the words and details of a refusal that the app knows', async () => {
    expect(await problemOf(await get('/v1/fail/refusal'))).toEqual({
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
      const problem = await problemOf(await get(`/v1/fail/${how}`));
      expect(problem).toMatchObject({ status: 500, code: 'internal_error' });
      expect(JSON.stringify(problem)).not.toMatch(/hunter2|stale|\.ts/);
      const line = lines.find(
        (candidate) => candidate.includes(`${problem['request_id']}`) && candidate.includes('request failed'),
      );
      expect(JSON.parse(line ?? '{}')).toMatchObject({
        level: 'error',
        err: { stack: expect.stringContaining('SampleController') },
      });
    },
  );

  it('say 503 with Retry-After where the database is away', async () => {
    const answer = await get('/v1/fail/outage');
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await problemOf(answer)).toMatchObject({ status: 503, code: 'storage_unavailable' });
  });

  it.each([
    ['an unknown path', () => get('/v1/nothing?secret=1'), 404, 'not_found'],
    ['a wrong method', () => fetch(`${service.url}/v1/things`, { method: 'DELETE' }), 405, 'method_not_allowed'],
    ['an error of the framework', () => get('/v1/fail/nest'), 409, 'conflict'],
    ['a broken percent escape', () => get('/v1/things/%ff'), 400, 'malformed_url'],
    ['a long path segment', () => get(`/v1/things/${'x'.repeat(2_000)}`), 414, 'uri_too_long'],
    [
      'another content type',
      () => post('/v1/raw', 'a', { 'content-type': 'text/plain' }),
      415,
      'unsupported_media_type',
    ],
    [
      'a form',
      () => post('/v1/raw', 'a', { 'content-type': 'application/x-www-form-urlencoded' }),
      415,
      'unsupported_media_type',
    ],
    [
      'another charset',
      () => post('/v1/raw', '{}', { 'content-type': 'application/json; charset=utf-16' }),
      415,
      'unsupported_charset',
    ],
    ['another encoding', () => post('/v1/raw', '{}', { 'content-encoding': 'br' }), 415, 'unsupported_encoding'],
    ['doubled gzip', () => post('/v1/raw', '{}', { 'content-encoding': 'gzip, gzip' }), 415, 'unsupported_encoding'],
    ['a body too long', () => post('/v1/raw', 'x'.repeat(LIMIT + 1)), 413, 'too_large'],
    ['a body far too long', () => post('/v1/raw', 'x'.repeat(10_000_000)), 413, 'too_large'],
    [
      'a gzip bomb',
      () => post('/v1/raw', gzipSync(Buffer.alloc(30_000_000)), { 'content-encoding': 'gzip' }),
      413,
      'too_large',
    ],
    [
      'gzip cut short',
      () => post('/v1/raw', gzipSync('{"a":1}').subarray(0, -3), { 'content-encoding': 'gzip' }),
      400,
      'invalid_encoding',
    ],
    ['no gzip at all', () => post('/v1/raw', '{}', { 'content-encoding': 'gzip' }), 400, 'invalid_encoding'],
    ['an unknown member', () => post('/v1/things', '{"name":"n","kind":"a","parts":[],"x":1}'), 400, 'invalid_request'],
    ['no object', () => post('/v1/things', '[]'), 400, 'invalid_request'],
    ['__proto__', () => post('/v1/things', '{"__proto__":{"name":"n"}}'), 400, 'forbidden_key'],
    ['an overwritten constructor', () => post('/v1/things', '{"constructor":{"name":"n"}}'), 400, 'forbidden_key'],
    ['no body', () => fetch(`${service.url}/v1/things`, { method: 'POST', headers: bearer() }), 400, 'invalid_json'],
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
      `authorization: ${bearer().authorization}`,
    ];
    const body = '{"name":"n","kind":"a","kind":"b","parts":[]}';
    const answer = await sendRaw(
      [...head, `content-type: ${contentType}`, `content-length: ${body.length}`, '', body].join('\r\n'),
    );
    expect(answer).toMatch(/"code":"(duplicate_key|unsupported_media_type)"/);
  });

  it('of a body name each fault by path and kind, never by its value', async () => {
    const answer = await post(
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
    expect(await sendRaw('GARBAGE\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400 [^]*application\/problem\+json[^]*malformed_request/,
    );
    const head = `POST /v1/raw HTTP/1.1\r\nhost: t\r\nauthorization: ${bearer().authorization}\r\ncontent-type: application/json\r\n`;
    expect(await sendRaw(`${head}content-length: 100\r\n\r\n{}`, true)).toMatch(/^HTTP\/1.1 400 /);
    expect(await sendRaw(`${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`)).toMatch(/^HTTP\/1.1 400 /);
    expect(await sendRaw(`GET /v1/things HTTP/1.1\r\nhost: t\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 /,
    );
    expect((await get('/health/live')).status).toBe(200);
  });

  it('come when a request does not arrive in time', async () => {
    const hasty = await start({ timeouts: { request_ms: 100, headers_ms: 100 } });
    const previous = service;
    try {
      service = hasty;
      const { port } = new URL(hasty.url);
      const answer = await new Promise<string>((resolve) => {
        let text = '';
        const socket = connect(Number(port), '127.0.0.1', () => socket.write('POST /v1/raw HTTP/1.1\r\nhost: t\r\n'));
        socket
          .setEncoding('latin1')
          .on('data', (data) => (text += data))
          .on('close', () => resolve(text))
          .on('error', () => resolve(text));
      });
      expect(answer).toMatch(/^HTTP\/1.1 408 [^]*request_timeout/);
    } finally {
      service = previous;
      await hasty.close();
    }
  }, 60_000);
});

describe('a service', () => {
  it('passes raw bytes through, inflated', async () => {
    expect(await (await post('/v1/raw', '{"a":1,"a":2}')).json()).toEqual({ length: 13 });
    expect(await (await post('/v1/raw', gzipSync('x'.repeat(LIMIT)), { 'content-encoding': 'GZIP' })).json()).toEqual({
      length: LIMIT,
    });
  });

  it('keeps a sane request id and replaces any other', async () => {
    const kept = await get('/health/live', { 'x-request-id': 'abc-1.2_3' });
    expect(kept.headers.get('x-request-id')).toBe('abc-1.2_3');
    const replaced = await get('/health/live', { 'x-request-id': 'a b"{}' });
    expect(replaced.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('logs a line a request without query, key or secret', async () => {
    await get('/v1/things/7?token=hunter2', { ...bearer(), 'x-request-id': 'logged-1' });
    const line = await waitFor('the line', () => lines.find((candidate) => candidate.includes('logged-1')));
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      service: 'sample',
      method: 'GET',
      route: '/v1/things/:id',
      path: '/v1/things/7',
      status: 200,
      principal: expect.any(String),
    });
    expect(lines.join('')).not.toContain('token=hunter2');
    for (const key of keys.values()) expect(lines.join('')).not.toContain(key.slice(21));
  });

  it('sends careful headers', async () => {
    const answer = await get('/v1/things/1');
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(answer.headers.get('server')).toBeNull();
  });

  it('is alive whatever happens, and ready while its checks are up', async () => {
    expect((await get('/health/ready', {})).status).toBe(200);
    resourceIsUp = false;
    try {
      await waitFor('not ready', async () => (await get('/health/ready', {})).status === 503);
      expect(await (await get('/health/ready', {})).json()).toMatchObject({
        code: 'not_ready',
        checks: { resource: 'down' },
      });
      expect((await get('/health/live', {})).status).toBe(200);
    } finally {
      resourceIsUp = true;
    }
    await waitFor('ready again', async () => (await get('/health/ready', {})).status === 200);
  });

  it('counts requests by pattern on the management port only', async () => {
    await get('/v1/things/8');
    await get('/v1/nothing-of-this-name');
    await get('/v1/things', {});
    const text = await (await fetch(`${service.managementUrl}/metrics`)).text();
    expect(text).toMatch(
      /runseal_http_requests_total\{method="GET",route="\/v1\/things\/:id",status="200",verb="query",service="sample"\} [1-9]/,
    );
    expect(text).toMatch(/runseal_authentication_failures_total\{reason="missing",service="sample"\} [1-9]/);
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).not.toContain('nothing-of-this-name');
    expect((await get('/metrics')).status).toBe(404);
  });

  it('describes itself to readers', async () => {
    expect((await get('/v1/openapi.json', {})).status).toBe(401);
    const document = (await (await get('/v1/openapi.json', bearer('read'))).json()) as { paths: object };
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/v1/things', '/v1/things/{id}', '/health/ready']),
    );
  });

  it('ends requests in flight before it closes what they use, and takes no new ones', async () => {
    const closing = await start();
    const answer = fetch(`${closing.url}/v1/wait`, { headers: bearer() });
    await waitFor('the request', () => isArrived);
    const closed = closing.close();
    await expect(fetch(`${closing.url}/health/live`)).rejects.toThrow();
    release?.();
    expect(await (await answer).json()).toEqual({ isOpen: true });
    await closed;
    expect(closedWhileServing).toEqual([false]);
  });

  it('says that it is not ready while it still takes requests in its grace', async () => {
    const closing = await start({ drainGrace_ms: 1_000 });
    const closed = closing.close();
    const answer = await fetch(`${closing.url}/health/ready`);
    expect([answer.status, answer.headers.get('connection')]).toEqual([503, 'close']);
    await closed;
  });

  it('cuts off what does not end within the limit', async () => {
    const closing = await start({ drainLimit_ms: 50 });
    isArrived = false;
    const answer = fetch(`${closing.url}/v1/wait`, { headers: bearer() });
    const refused = expect(answer).rejects.toThrow();
    await waitFor('the request', () => isArrived);
    await closing.close();
    await refused;
    release?.();
  });

  it('rejects where its port is taken', async () => {
    await expect(start({ port: Number(new URL(service.url).port) })).rejects.toThrow('EADDRINUSE');
  });
});
