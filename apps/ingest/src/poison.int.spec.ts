import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { ChainChecker } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { refusalCodes } from '@runseal/contracts';
import { readRecords, toSealedRecord } from '@runseal/ledger';
import { TestServer, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { exampleOf, metricsOf, Workplace, type ServedIngest } from './ingest-service.fixture.js';

const RUN = uuidv7();
const TAKEN = metricsOf(RUN);

let server: TestServer;
let workplace: Workplace;
let door: ServedIngest;
let key: string;
let stopTraffic: () => Promise<void>;
/** Ids of all good events, in the order of their seqs. */
const sealed: string[] = ['the first'];

/** Sends good events without a pause, each right behind the last; throws at the end where one was not taken. */
function startTraffic(): () => Promise<void> {
  let isStopping = false;
  const sendOn = async () => {
    while (!isStopping) await sealGood();
  };
  const sending = sendOn();
  return async () => {
    isStopping = true;
    await sending;
  };
}

async function sealGood(event = metricsOf(RUN)): Promise<void> {
  const { status, body } = await door.post(key, { events: [event] });
  if (status !== 201) throw new Error(`a good event got ${status} ${JSON.stringify(body)}`);
  sealed[body.receipts[0]!.seq] = event.id;
}

beforeAll(async () => {
  server = await TestServer.start();
  workplace = await Workplace.open(server);
  door = await workplace.serve();
  key = await workplace.createKey();
  await sealGood(TAKEN);
  stopTraffic = startTraffic();
}, 60_000);

afterAll(async () => {
  await workplace?.close();
  await server?.remove();
});

/** A request's text around one value in place of a metric's, written as it stands. */
const around = (value: string) => textOf({ payload: payloadWith('"@"') }).replace('"@"', () => value);
const payloadWith = (loss: string) =>
  JSON.parse(
    `{"attempt":"${RUN}","rows":[{"kind":"train","step":1,"n":0,"at":null,"epoch":null,"values":{"loss":${loss}}}]}`,
  ) as object;
/** A good event beside the poisoned one: if the request were sealed in part, it would show. */
const textOf = (change: Record<string, unknown>) =>
  JSON.stringify({ events: [metricsOf(RUN), { ...metricsOf(RUN), ...change }] });
const parametersWith = (members: string) =>
  JSON.stringify({ events: [exampleOf('run.parameters-recorded', { stream: `run/${RUN}`, payload: 0 })] }).replace(
    '"payload":0',
    () => `"payload":{"attempt":"${RUN}","parameters":{${members}},"asserted":[]}`,
  );
const latin1 = (text: string) => Buffer.from(text, 'latin1');

interface Poison {
  readonly body: string | Buffer;
  readonly headers?: Record<string, string>;
}

const corpus: readonly [what: string, poison: Poison, status: number, code: string][] = [
  ['nothing', { body: '' }, 400, 'invalid_json'],
  ['no JSON', { body: 'events: []' }, 400, 'invalid_json'],
  ['JSON that breaks off', { body: around('1').slice(0, -3) }, 400, 'invalid_json'],
  ['JSON with more behind it', { body: `${around('1')}{}` }, 400, 'invalid_json'],
  ['a trailing comma', { body: parametersWith('"a":1,') }, 400, 'invalid_json'],
  ['a comment', { body: around('1/* one */') }, 400, 'invalid_json'],
  ['NaN', { body: around('NaN') }, 400, 'invalid_json'],
  ['Infinity', { body: around('Infinity') }, 400, 'invalid_json'],
  ['-Infinity', { body: around('-Infinity') }, 400, 'invalid_json'],
  ['a number with a leading zero', { body: around('01') }, 400, 'invalid_json'],
  ['a hexadecimal number', { body: around('0x10') }, 400, 'invalid_json'],
  ['a list', { body: '[]' }, 400, 'invalid_request'],
  ['null', { body: 'null' }, 400, 'invalid_request'],
  ['no events', { body: '{"events":[]}' }, 400, 'invalid_request'],
  ['events that are null', { body: '{"events":[null]}' }, 400, 'invalid_event'],
  ['a member that nobody knows beside the events', { body: '{"events":[{}],"actor":"p_me"}' }, 400, 'invalid_request'],
  ['an integer beyond 2^53', { body: around('9007199254740993') }, 400, 'invalid_number'],
  ['a number that overflows', { body: around('1e999') }, 400, 'invalid_number'],
  ['an integer of 400 digits', { body: around('9'.repeat(400)) }, 400, 'invalid_number'],
  [
    'a version beyond 2^53',
    { body: textOf({}).replace(/"version":1/, '"version":9007199254740992') },
    400,
    'invalid_event',
  ],
  ['a lone high surrogate', { body: parametersWith('"a":"\\ud800"') }, 400, 'invalid_encoding'],
  ['a lone low surrogate in a name', { body: parametersWith('"\\udc00":1') }, 400, 'invalid_encoding'],
  ['NUL in a text', { body: parametersWith('"a":"\\u0000"') }, 400, 'invalid_encoding'],
  ['a bare control character', { body: parametersWith('"a":"\x01"') }, 400, 'invalid_json'],
  ['depth 33', { body: around('['.repeat(28) + ']'.repeat(28)) }, 400, 'too_deep'],
  ['depth 10,000', { body: around('['.repeat(10_000) + ']'.repeat(10_000)) }, 400, 'too_deep'],
  ['depth 2,000,000, never closed', { body: '['.repeat(2_000_000) }, 400, 'too_deep'],
  ['10 MB', { body: around(`"${'x'.repeat(10_000_000)}"`) }, 413, 'too_large'],
  ['a gzip bomb of 1 GB', { body: bomb(), headers: { 'content-encoding': 'gzip' } }, 413, 'too_large'],
  [
    'gzip that breaks off',
    { body: gzipSync(around('1')).subarray(0, 60), headers: { 'content-encoding': 'gzip' } },
    400,
    'invalid_encoding',
  ],
  [
    'text that calls itself gzip',
    { body: around('1'), headers: { 'content-encoding': 'gzip' } },
    400,
    'invalid_encoding',
  ],
  [
    'an encoding that nobody knows',
    { body: around('1'), headers: { 'content-encoding': 'br' } },
    415,
    'unsupported_encoding',
  ],
  [
    'another charset',
    { body: around('1'), headers: { 'content-type': 'application/json; charset=utf-16' } },
    415,
    'unsupported_charset',
  ],
  [
    'another content type',
    { body: around('1'), headers: { 'content-type': 'text/plain' } },
    415,
    'unsupported_media_type',
  ],
  ['UTF-16', { body: Buffer.from(around('1'), 'utf16le') }, 400, 'invalid_json'],
  ['Latin-1', { body: latin1(parametersWith('"a":"\u00e9"')) }, 400, 'invalid_encoding'],
  ['a surrogate written as UTF-8', { body: latin1(parametersWith('"a":"\xed\xa0\x80"')) }, 400, 'invalid_encoding'],
  ['an overlong form of /', { body: latin1(parametersWith('"a":"\xc0\xaf"')) }, 400, 'invalid_encoding'],
  ['a byte order mark', { body: `\ufeff${around('1')}` }, 400, 'invalid_encoding'],
  ['a name twice', { body: parametersWith('"a":1,"a":2') }, 400, 'duplicate_key'],
  ['a name twice, once with an escape', { body: parametersWith('"a":1,"\\u0061":2') }, 400, 'duplicate_key'],
  ['an id twice in one event', { body: textOf({}).replace('"id":', `"id":"${uuidv7()}","id":`) }, 400, 'duplicate_key'],
  ['__proto__ as a name', { body: parametersWith('"__proto__":{"isAdmin":true}') }, 400, 'invalid_event'],
  [
    'constructor as a name',
    { body: textOf({}).replace('"version":', '"constructor":1,"version":') },
    400,
    'invalid_event',
  ],
  ['an unknown type', { body: textOf({ type: 'run.exploded' }) }, 400, 'unknown_event_type'],
  ['the name of an object’s method as type', { body: textOf({ type: 'to.string' }) }, 400, 'unknown_event_type'],
  ['an unknown version', { body: textOf({ version: 2 }) }, 400, 'unknown_event_version'],
  ['version 0', { body: textOf({ version: 0 }) }, 400, 'invalid_event'],
  ['a stream of another kind', { body: textOf({ stream: `artifact/sha256:${'a'.repeat(64)}` }) }, 400, 'wrong_stream'],
  ['a run that is no UUID', { body: textOf({ stream: 'run/1' }) }, 400, 'wrong_stream'],
  ['a run’s UUID in upper case', { body: textOf({ stream: `run/${RUN.toUpperCase()}` }) }, 400, 'wrong_stream'],
  ['a stream that climbs', { body: textOf({ stream: 'run/../ledger/default' }) }, 400, 'invalid_event'],
  [
    'an event of the ledger itself',
    { body: JSON.stringify({ events: [exampleOf('ledger.opened', { stream: 'ledger/default' })] }) },
    403,
    'forbidden_event_type',
  ],
  ['an actor of its own', { body: textOf({ actor: 'p_somebodyelse' }) }, 400, 'invalid_event'],
  ['a class of its own', { body: textOf({ class: 'logs' }) }, 400, 'invalid_event'],
  ['an id of version 4', { body: textOf({ id: '6f1c2b1e-52a4-4d0b-9c1f-0e6a7b3d2c11' }) }, 400, 'invalid_event'],
  [
    'a derived id that belongs to another service',
    { body: textOf({ id: `02${uuidv7().slice(2, 14)}8${uuidv7().slice(15)}` }) },
    403,
    'forbidden_event_type',
  ],
  ['an id in braces', { body: textOf({ id: `{${uuidv7()}}` }) }, 400, 'invalid_event'],
  ['an id used for other content', { body: textOf({ ...TAKEN, payload: payloadWith('2') }) }, 409, 'event_id_conflict'],
  ['a time without a zone', { body: textOf({ occurred_at: '2026-01-26T10:30:00' }) }, 400, 'invalid_event'],
  ['a day that is none', { body: textOf({ occurred_at: '2026-02-29T10:30:00Z' }) }, 400, 'invalid_event'],
  ['a leap second', { body: textOf({ occurred_at: '2016-12-31T23:59:60Z' }) }, 400, 'invalid_event'],
  [
    'a time of 10 fraction digits',
    { body: textOf({ occurred_at: '2026-01-26T10:30:00.1234567890Z' }) },
    400,
    'invalid_event',
  ],
  ['a payload that is a list', { body: textOf({ payload: [] }) }, 400, 'invalid_event'],
  [
    'a payload of another type',
    { body: textOf({ payload: exampleOf('run.started')['payload'] }) },
    400,
    'invalid_payload',
  ],
  [
    'a member that the payload does not have',
    { body: textOf({ payload: { ...payloadWith('1'), more: 1 } }) },
    400,
    'invalid_payload',
  ],
  ['null as a metric', { body: around('null') }, 400, 'invalid_payload'],
  ['a text as a metric', { body: around('"nan"') }, 400, 'invalid_payload'],
  [
    'a counter of the producer that is negative',
    { body: textOf({ producer: { id: '6f1c2b1e-52a4-4d0b-9c1f-0e6a7b3d2c11', seq: -1, client: 'x/1' } }) },
    400,
    'invalid_event',
  ],
  [
    'a last receipt that is none',
    { body: JSON.stringify({ events: [metricsOf(RUN)], known: { seq: 1 } }) },
    400,
    'invalid_request',
  ],
];

/** About 1 MB that would inflate to 1 GB: members of a gzip file may follow one another. */
function bomb(): Buffer {
  const member = gzipSync(Buffer.alloc(16_000_000));
  return Buffer.concat(Array.from({ length: 64 }, () => member));
}

describe('good events are sealed while somebody sends', () => {
  it.each(corpus)('%s, which gets its own problem', async (_what, { body, headers }, status, code) => {
    const start = performance.now();
    const answer = await door.post(
      key,
      typeof body === 'string' ? Buffer.from(body) : body,
      headers ? { headers } : {},
    );
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({
      type: `urn:runseal:problem:${code}`,
      title: expect.any(String),
      status,
      detail: expect.stringMatching(/\w/),
      request_id: answer.headers.get('x-request-id'),
    });
    expect(answer.body.detail.length).toBeLessThan(2_000);
    // Only a code that clients know makes them set an event aside instead of trying for ever.
    if (status !== 415) expect(Object.keys(refusalCodes)).toContain(code);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  const raw = (text: string, breaksOff: boolean) =>
    new Promise<string>((resolve, reject) => {
      let answer = '';
      const socket = connect(Number(new URL(door.service.url).port), '127.0.0.1', () =>
        breaksOff ? socket.end(text) : socket.write(text),
      );
      socket.setEncoding('latin1').on('data', (data) => (answer += data));
      socket.on('close', () => resolve(answer)).on('error', reject);
    });
  const head = (...lines: string[]) =>
    [
      'POST /v1/events HTTP/1.1',
      'host: test',
      'connection: close',
      `authorization: Bearer ${key}`,
      'content-type: application/json',
      ...lines,
      '',
      '',
    ].join('\r\n');
  const length = () => Buffer.byteLength(around('1'));

  it('a body that is shorter than its Content-Length', async () => {
    const answer = await raw(head(`content-length: ${length() + 5}`) + around('1'), true);
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*"code":/s);
  });

  it.each([
    [
      'a body that is longer than its Content-Length',
      () => head(`content-length: ${length() - 5}`) + around('1'),
      /HTTP\/1\.1 400 .*"code":"(?:invalid_json|malformed_request)"/s,
    ],
    [
      'two Content-Lengths',
      () => head('content-length: 5', 'content-length: 6') + '{}',
      /HTTP\/1\.1 400 .*"code":"malformed_request"/s,
    ],
    [
      'a Content-Length beside chunks',
      () => head('content-length: 5', 'transfer-encoding: chunked') + '0\r\n\r\n',
      /HTTP\/1\.1 400 .*"code":"malformed_request"/s,
    ],
    [
      'a Content-Length that is no number',
      () => head('content-length: many') + '{}',
      /HTTP\/1\.1 400 .*"code":"malformed_request"/s,
    ],
    ['chunks that are none', () => head('transfer-encoding: chunked') + 'zz\r\n', /HTTP\/1\.1 400 /],
  ])('%s', async (_what, request, wanted) => {
    expect(await raw(request(), false)).toMatch(wanted);
  });

  it('and the ledger then holds exactly the good events, in one chain', async () => {
    const many = sealed.length;
    await waitFor('traffic that still flows', () => sealed.length > many + 5);
    await stopTraffic();
    expect((await door.get('/health/ready')).status).toBe(200);
    const checker = new ChainChecker(sha256);
    const found: string[] = [];
    for (let from = 0; ;) {
      const page = await readRecords(workplace.pool, { ledger: 'default', from, limit: 1_000 });
      if (page.length === 0) break;
      for (const record of page) checker.check(toSealedRecord('default', record));
      found.push(...page.map((record) => record.event_id));
      from += page.length;
    }
    expect(checker.finish()).toMatchObject({ size: sealed.length, faultCount: 0 });
    expect(found.slice(1)).toEqual(sealed.slice(1));
    // Callers who hung up in the middle of a body are there, nothing else.
    const errors = door.lines.filter((line) => /"level":"(error|fatal)"/.test(line) && !line.includes('aborted'));
    expect(errors).toEqual([]);
  });
});
