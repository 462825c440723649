import { request as requestHttp, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import type { RunningService } from '@runseal/runtime';
import { findFreePort, waitFor } from '@runseal/testing';
import { FarServer, sendJson, type Answering } from './far-server.fixture.js';
import { SERVICES } from './routing-table.js';
import { startConsole } from './start-console.js';

const ANSWER_LIMIT_MS = 400;
const webFolder = mkdtempSync(join(tmpdir(), 'runseal-console-'));
const lines: string[] = [];
const open: { close(): Promise<unknown> }[] = [];

beforeAll(() => {
  mkdirSync(join(webFolder, 'assets'));
  writeFileSync(join(webFolder, 'index.html'), '<!doctype html><title>the page</title>');
  writeFileSync(join(webFolder, 'assets', 'index-1a2b.js'), 'document.title = "run";');
  writeFileSync(join(webFolder, 'private.js'), 'never served');
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  lines.length = 0;
});
afterAll(() => rmSync(webFolder, { recursive: true }));

async function far(answering?: Answering): Promise<FarServer> {
  const server = await FarServer.start(answering);
  open.push(server);
  return server;
}

/** The console in front of the given services; the others' addresses lead nowhere. */
async function serve(urls: Partial<Record<(typeof SERVICES)[number], string[]>> = {}): Promise<RunningService> {
  const nowhere = [`http://127.0.0.1:${await findFreePort()}`];
  const service = await startConsole({
    host: '127.0.0.1',
    port: 0,
    managementPort: null,
    log: { level: 'info', destination: { write: (line) => void lines.push(line) } },
    addresses: { ingest: nowhere, lineage: nowhere, gates: nowhere, registry: nowhere, ...urls },
    webFolder,
    answerLimit_ms: ANSWER_LIMIT_MS,
  });
  open.push(service);
  return service;
}

const problem = async (answer: Response) => (await answer.json()) as Record<string, unknown>;

/** Sends the path as it stands, which fetch would tidy up. */
function sendRaw(
  url: string,
  path: string,
  { headers = {}, method = 'GET' }: { headers?: OutgoingHttpHeaders; method?: string } = {},
): Promise<IncomingMessage> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    requestHttp({ hostname, port, path, method, headers, agent: false }, resolve).once('error', reject).end();
  });
}

describe('the page', () => {
  it('is served at its addresses, to be asked for again each time, and takes nothing from elsewhere', async () => {
    const { url } = await serve();
    for (const path of ['/', '/runs', '/runs/0192-7']) {
      const answer = await fetch(url + path);
      expect([answer.status, await answer.text()]).toEqual([200, '<!doctype html><title>the page</title>']);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
        'content-security-policy':
          "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    }
  });

  it('has files whose names change with their content, kept for ever, compressed for who takes it', async () => {
    const { url } = await serve();
    const answer = await sendRaw(url, '/assets/index-1a2b.js');
    expect(await text(answer)).toBe('document.title = "run";');
    expect(answer.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect(answer.headers['content-encoding']).toBeUndefined();
    const gzipped = await fetch(`${url}/assets/index-1a2b.js`);
    expect([gzipped.headers.get('content-encoding'), await gzipped.text()]).toEqual([
      'gzip',
      'document.title = "run";',
    ]);
  });

  it.each([
    '/assets/../private.js',
    '/assets/..%2fprivate.js',
    '/assets/%2e%2e%2fprivate.js',
    '/assets/..%5cprivate.js',
    '/private.js',
    '/assets/',
    '/assets/constructor',
    '/index.html',
  ])('serves nothing at %s', async (path) => {
    const { url } = await serve();
    const answer = await sendRaw(url, path);
    expect([answer.statusCode, await text(answer)]).toEqual([404, expect.stringContaining('not_found')]);
  });

  it('is not started without having been built', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'runseal-console-'));
    const options = { host: '127.0.0.1', port: 0, managementPort: null, log: { level: 'silent' as const } };
    const addresses = { ingest: [], lineage: [], gates: [], registry: [] };
    expect(() => startConsole({ ...options, addresses, webFolder: folder })).toThrow('nx build console');
    rmSync(folder, { recursive: true });
  });
});

describe('a request for a service', () => {
  it('arrives as it was sent, without what belongs to the connection', async () => {
    const ingest = await far();
    const { url } = await serve({ ingest: [ingest.url] });
    const body = gzipSync('{"events":[]}');
    const answer = await fetch(`${url}/v1/events?a=%2F&b=1`, {
      method: 'POST',
      body,
      headers: {
        authorization: 'Bearer rsk_key_secret',
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'x-request-id': 'req-1',
        te: 'trailers',
      },
    });
    expect(await answer.json()).toEqual({ method: 'POST', url: '/v1/events?a=%2F&b=1', length: body.length });
    const [arrived] = ingest.arrived;
    expect(arrived?.body.equals(body)).toBe(true);
    expect(arrived?.headers).toMatchObject({
      authorization: 'Bearer rsk_key_secret',
      'content-encoding': 'gzip',
      'x-request-id': 'req-1',
      host: new URL(ingest.url).host,
    });
    expect(arrived?.headers).not.toHaveProperty('te');
    expect(lines.join('')).not.toContain('rsk_key_secret');
  });

  it('loses the headers that its Connection header names', async () => {
    const lineage = await far();
    const { url } = await serve({ lineage: [lineage.url] });
    const headers = { connection: 'close, X-Private', 'x-private': '1', 'x-kept': '2' };
    await text(await sendRaw(url, '/v1/runs', { headers }));
    expect(lineage.arrived[0]?.headers).not.toHaveProperty('x-private');
    expect(lineage.arrived[0]?.headers).toMatchObject({ 'x-kept': '2' });
  });

  it('goes to the service that the routing table names, whatever the method', async () => {
    const [lineage, gates, registry] = [await far(), await far(), await far()];
    const { url } = await serve({ lineage: [lineage.url], gates: [gates.url], registry: [registry.url] });
    await Promise.all([
      fetch(`${url}/v1/runs/1`),
      fetch(`${url}/v1/runs/1/gates/evaluate`, { method: 'POST' }),
      fetch(`${url}/v1/models/m/versions`),
      fetch(`${url}/v1/artifacts/x`, { method: 'HEAD' }),
    ]);
    expect(lineage.arrived.map(({ method, url: path }) => `${method} ${path}`).sort()).toEqual([
      'GET /v1/runs/1',
      'HEAD /v1/artifacts/x',
    ]);
    expect(gates.arrived).toMatchObject([{ method: 'POST', url: '/v1/runs/1/gates/evaluate' }]);
    expect(registry.arrived).toMatchObject([{ method: 'GET', url: '/v1/models/m/versions' }]);
  });

  it('is refused where no service answers its path', async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/v1/nothing`, { method: 'POST', body: 'x' });
    expect([answer.status, await problem(answer)]).toEqual([404, expect.objectContaining({ code: 'not_found' })]);
  });

  it('is refused beyond 5 MB, and reaches nobody', async () => {
    const ingest = await far();
    const { url } = await serve({ ingest: [ingest.url] });
    const answer = await fetch(`${url}/v1/events`, { method: 'POST', body: Buffer.alloc(6_000_000) });
    expect([answer.status, await problem(answer)]).toEqual([413, expect.objectContaining({ code: 'too_large' })]);
    expect(ingest.arrived).toEqual([]);
  });
});

describe('the answer of a service', () => {
  it('comes back with its status, headers and bytes', async () => {
    const gates = await far((_arrived, response) => {
      response.writeHead(409, {
        'content-type': 'application/problem+json',
        'runseal-position': '0/7',
        'set-cookie': ['a=1', 'b=2'],
        connection: 'close, x-private',
        'x-private': '1',
      });
      response.end('{"code":"version_conflict"}');
    });
    const { url } = await serve({ gates: [gates.url] });
    const answer = await fetch(`${url}/v1/policies`);
    expect([answer.status, await answer.text()]).toEqual([409, '{"code":"version_conflict"}']);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('runseal-position')).toBe('0/7');
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(answer.headers.get('x-private')).toBeNull();
  });

  it('comes as it is made: the head before the first event, each event before the next', async () => {
    let stream: Parameters<Answering>[1] | undefined;
    const lineage = await far((_arrived, response) => {
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    });
    const { url } = await serve({ lineage: [lineage.url] });
    const answer = await fetch(`${url}/v1/runs/1/live`);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const reader = answer.body?.getReader();
    for (const event of ['id: 0/1\n\n', 'id: 0/2\n\n']) {
      stream?.write(event);
      expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe(event);
    }
    await new Promise((resolve) => setTimeout(resolve, ANSWER_LIMIT_MS * 1.5)); // the limit is on the head alone
    stream?.write('id: 0/3\n\n');
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('id: 0/3\n\n');
    let isClosed = false;
    stream?.once('close', () => (isClosed = true));
    await reader?.cancel();
    await waitFor('the service to see that the reader left', () => isClosed);
  });

  it('breaks off where the service does, and is not taken for whole', async () => {
    const lineage = await far((_arrived, response) => {
      response.writeHead(200, { 'content-type': 'text/csv' }).write('step,loss\n');
      setImmediate(() => response.destroy());
    });
    const { url } = await serve({ lineage: [lineage.url] });
    await expect(fetch(`${url}/v1/runs/1/metrics`).then((answer) => answer.text())).rejects.toThrow();
  });
});

describe('a service that is down', () => {
  it('is named in a 503 that says when to come back', async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/v1/models/m/versions`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await problem(answer)).toMatchObject({
      code: 'service_unavailable',
      service: 'registry',
      detail: 'The service "registry" cannot be reached right now. Send the request again.',
    });
  });

  it('is named in a 504 where it does not begin to answer', async () => {
    const gates = await far(() => undefined);
    const { url } = await serve({ gates: [gates.url] });
    const answer = await fetch(`${url}/v1/alerts`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([504, '1']);
    expect(await problem(answer)).toMatchObject({ code: 'service_timeout', service: 'gates' });
  });

  it('is passed over for reading where another address of it answers, never for writing', async () => {
    const ingest = await far();
    const gone = `http://127.0.0.1:${await findFreePort()}`;
    const { url } = await serve({ ingest: [gone, ingest.url] });
    const ask = async (method: string) => (await fetch(`${url}/v1/records`, { method })).status;
    expect([await ask('GET'), await ask('GET'), await ask('GET'), await ask('GET')]).toEqual([200, 200, 200, 200]);
    expect([await ask('POST'), await ask('POST')].sort()).toEqual([200, 503]);
  });

  it('leaves the page and the probes as they are', async () => {
    const { url } = await serve();
    for (const path of ['/', '/health/live', '/health/ready']) expect((await fetch(url + path)).status).toBe(200);
  });
});

it('takes turns between the addresses of a service', async () => {
  const [one, other] = [await far(), await far()];
  const { url } = await serve({ ingest: [one.url, other.url] });
  for (let at = 0; at < 4; at += 1) await (await fetch(`${url}/v1/whoami`)).text();
  expect([one.arrived.length, other.arrived.length]).toEqual([2, 2]);
});

describe('what every service answers', () => {
  const reader = (name: string, seq: number) => ({ name, position: { epoch: 0, seq }, lag_records: 0, lag_s: 0 });
  const status = (seq: number, ...readers: object[]): Answering => {
    return (_arrived, response) => sendJson(response, { ledger: 'default', newest: { epoch: 0, seq }, readers });
  };

  it('is one status: the newest record, all readers, and who does not answer', async () => {
    const ingest = await far(status(9, reader('relay', 9)));
    const lineage = await far(status(8, reader('lineage', 8)));
    const registry = await far(status(7, reader('registry', 7)));
    const { url } = await serve({ ingest: [ingest.url], lineage: [lineage.url], registry: [registry.url] });
    const answer = await fetch(`${url}/v1/status`, { headers: { authorization: 'Bearer k' } });
    expect(await answer.json()).toEqual({
      ledger: 'default',
      newest: { epoch: 0, seq: 9 },
      readers: [reader('relay', 9), reader('lineage', 8), reader('registry', 7)],
      unreachable: ['gates'],
    });
    expect(lineage.arrived[0]?.headers.authorization).toBe('Bearer k');
  });

  it('is a refusal where any of them refuses, and 503 where none answers', async () => {
    const refusing = await far((_arrived, response) => sendJson(response, { code: 'unauthenticated' }, 401));
    const ingest = await far(status(9));
    const refused = await serve({ ingest: [ingest.url], lineage: [refusing.url] });
    const answer = await fetch(`${refused.url}/v1/status`);
    expect([answer.status, await problem(answer)]).toEqual([401, { code: 'unauthenticated' }]);
    expect((await fetch(`${(await serve()).url}/v1/status`)).status).toBe(503);
  });

  it('is one OpenAPI document, with the schemas of each service under its name', async () => {
    const describing = (paths: string[]): Answering => {
      const operation = { get: { schema: { $ref: '#/components/schemas/Query' } } };
      const document = {
        openapi: '3.0.0',
        info: { version: '1' },
        paths: Object.fromEntries([...paths, '/v1/status'].map((path) => [path, operation])),
        components: { schemas: { Query: { title: paths[0] } } },
      };
      return (_arrived, response) => sendJson(response, document);
    };
    const { url } = await serve({
      ingest: [(await far(describing(['/v1/events']))).url],
      lineage: [(await far(describing(['/v1/runs/{id}']))).url],
      gates: [(await far(describing(['/v1/runs/{id}/gates']))).url],
      registry: [(await far(describing(['/v1/models/{name}/versions']))).url],
    });
    const refersTo = (name: string) => ({ get: { schema: { $ref: `#/components/schemas/${name}` } } });
    expect(await (await fetch(`${url}/v1/openapi.json`)).json()).toEqual({
      openapi: '3.0.0',
      info: { title: 'runseal', version: '1' },
      paths: {
        '/v1/events': refersTo('ingest.Query'),
        '/v1/status': refersTo('ingest.Query'),
        '/v1/runs/{id}': refersTo('lineage.Query'),
        '/v1/runs/{id}/gates': refersTo('gates.Query'),
        '/v1/models/{name}/versions': refersTo('registry.Query'),
      },
      components: {
        schemas: {
          'ingest.Query': { title: '/v1/events' },
          'lineage.Query': { title: '/v1/runs/{id}' },
          'gates.Query': { title: '/v1/runs/{id}/gates' },
          'registry.Query': { title: '/v1/models/{name}/versions' },
        },
      },
    });
  });
});
