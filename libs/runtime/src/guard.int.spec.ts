import { Controller, Get, Module } from '@nestjs/common';
import { TestServer } from '@runseal/testing';
import { openAccess, Sample } from './sample-service.fixture.js';

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
    const guarded = sample.service.routes.filter((route) => route.policy?.scope !== 'public');
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
      const wrongScope = route.policy?.scope === 'any' ? [] : [sample.bearer(wrong)];
      for (const path of spellings(route.path)) {
        for (const method of new Set([route.method, 'HEAD', 'OPTIONS', 'GET', 'QUERY'])) {
          for (const headers of [
            {},
            ...wrongScope,
            { authorization: 'Bearer rsk_x' },
            { 'x-forwarded-user': 'root' },
          ]) {
            const answer = await sample.sendRaw(requestOf(method, path, headers as Record<string, string>));
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
    expect((await sample.get('/v1/things?limit=3', sample.bearer('read'))).status).toBe(200);
    expect((await sample.get('/v1/thing%73?limit=3', sample.bearer('read'))).status).toBe(200);
    expect((await sample.get('/v1/things/?limit=3', sample.bearer('read'))).status).toBe(404);
  });

  it('says how to authenticate, and what is missing', async () => {
    const none = await sample.get('/v1/things', {});
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="runseal"']);
    const bad = await sample.get('/v1/things', { authorization: 'Bearer rsk_aaaaaaaaaaaaaaaa_' + 'A'.repeat(43) });
    expect([bad.status, bad.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="runseal", error="invalid_token"',
    ]);
    const wrong = await sample.get('/v1/things', sample.bearer('admin'));
    expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
      403,
      'Bearer realm="runseal", error="insufficient_scope", scope="read"',
    ]);
    expect(await wrong.json()).toMatchObject({ code: 'forbidden', status: 403 });
  });

  it('refuses before it reads the body', async () => {
    const answer = await sample.sendRaw(
      'POST /v1/raw HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{',
    );
    expect(statusOf(answer)).toBe(401);
  });

  it('opens a route with its switch, and still refuses a bad key there', async () => {
    const opened = await sample.startAnother({ openSwitches: ['tiles'] });
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
    await expect(sample.startAnother({ module: ForgottenModule })).rejects.toThrow('GET /forgotten/route');
  });

  it('gives the handler its caller', async () => {
    const answer = await sample.post('/v1/things', '{"name":"n","kind":"a","parts":[]}');
    expect([answer.status, await answer.json()]).toEqual([
      201,
      { name: 'n', by: expect.stringMatching(/^p_[a-z2-7]{26}$/) },
    ]);
  });
});
