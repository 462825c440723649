import { gzipSync } from 'node:zlib';
import { TestServer, waitFor } from '@runseal/testing';
import { BODY_LIMIT, openAccess, Sample, stage } from './sample-service.fixture.js';

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

describe('a service', () => {
  it('passes raw bytes through, inflated', async () => {
    expect(await (await sample.post('/v1/raw', '{"a":1,"a":2}')).json()).toEqual({ length: 13 });
    expect(
      await (await sample.post('/v1/raw', gzipSync('x'.repeat(BODY_LIMIT)), { 'content-encoding': 'GZIP' })).json(),
    ).toEqual({
      length: BODY_LIMIT,
    });
  });

  it('keeps a sane request id and replaces any other', async () => {
    const kept = await sample.get('/health/live', { 'x-request-id': 'abc-1.2_3' });
    expect(kept.headers.get('x-request-id')).toBe('abc-1.2_3');
    const replaced = await sample.get('/health/live', { 'x-request-id': 'a b"{}' });
    expect(replaced.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('logs a line a request without query, key or secret', async () => {
    await sample.get('/v1/things/7?token=hunter2', { ...sample.bearer(), 'x-request-id': 'logged-1' });
    const line = await waitFor('the line', () => sample.lines.find((candidate) => candidate.includes('logged-1')));
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      service: 'sample',
      method: 'GET',
      route: '/v1/things/:id',
      path: '/v1/things/7',
      status: 200,
      principal: expect.any(String),
    });
    expect(sample.lines.join('')).not.toContain('token=hunter2');
    for (const key of sample.keys.values()) expect(sample.lines.join('')).not.toContain(key.slice(21));
  });

  it('sends careful headers', async () => {
    const answer = await sample.get('/v1/things/1');
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(answer.headers.get('server')).toBeNull();
  });

  it('is alive whatever happens, and ready while its checks are up', async () => {
    expect((await sample.get('/health/ready', {})).status).toBe(200);
    stage.resourceIsUp = false;
    try {
      await waitFor('not ready', async () => (await sample.get('/health/ready', {})).status === 503);
      expect(await (await sample.get('/health/ready', {})).json()).toMatchObject({
        code: 'not_ready',
        checks: { resource: 'down' },
      });
      expect((await sample.get('/health/live', {})).status).toBe(200);
    } finally {
      stage.resourceIsUp = true;
    }
    await waitFor('ready again', async () => (await sample.get('/health/ready', {})).status === 200);
  });

  it('counts requests by pattern on the management port only', async () => {
    await sample.get('/v1/things/8');
    await sample.get('/v1/nothing-of-this-name');
    await sample.get('/v1/things', {});
    const text = await (await fetch(`${sample.service.managementUrl}/metrics`)).text();
    expect(text).toMatch(
      /runseal_http_requests_total\{method="GET",route="\/v1\/things\/:id",status="200",verb="query",service="sample"\} [1-9]/,
    );
    expect(text).toMatch(/runseal_authentication_failures_total\{reason="missing",service="sample"\} [1-9]/);
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).not.toContain('nothing-of-this-name');
    expect((await sample.get('/metrics')).status).toBe(404);
  });

  it('describes itself to readers', async () => {
    expect((await sample.get('/v1/openapi.json', {})).status).toBe(401);
    const document = (await (await sample.get('/v1/openapi.json', sample.bearer('read'))).json()) as { paths: object };
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/v1/things', '/v1/things/{id}', '/health/ready']),
    );
  });

  it('ends requests in flight before it closes what they use, and takes no new ones', async () => {
    const closing = await sample.startAnother();
    const answer = fetch(`${closing.url}/v1/wait`, { headers: sample.bearer() });
    await waitFor('the request', () => stage.isArrived);
    const closed = closing.close();
    await expect(fetch(`${closing.url}/health/live`)).rejects.toThrow();
    stage.release?.();
    expect(await (await answer).json()).toEqual({ isOpen: true });
    await closed;
    expect(stage.closedWhileServing).toEqual([false]);
  });

  it('says that it is not ready while it still takes requests in its grace', async () => {
    const closing = await sample.startAnother({ drainGrace_ms: 1_000 });
    const closed = closing.close();
    const answer = await fetch(`${closing.url}/health/ready`);
    expect([answer.status, answer.headers.get('connection')]).toEqual([503, 'close']);
    await closed;
  });

  it('cuts off what does not end within the limit', async () => {
    const closing = await sample.startAnother({ drainLimit_ms: 50 });
    stage.isArrived = false;
    const answer = fetch(`${closing.url}/v1/wait`, { headers: sample.bearer() });
    const refused = expect(answer).rejects.toThrow();
    await waitFor('the request', () => stage.isArrived);
    await closing.close();
    await refused;
    stage.release?.();
  });

  it('rejects where its port is taken', async () => {
    await expect(sample.startAnother({ port: Number(new URL(sample.service.url).port) })).rejects.toThrow('EADDRINUSE');
  });
});
