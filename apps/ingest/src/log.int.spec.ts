import {
  bundlesBetween,
  decodeEntryBundle,
  isTileOf,
  leafBytes,
  openHead,
  parseVerifierKey,
  TILE_WIDTH,
  TileBuilder,
  tilePath,
  recordHash,
  tilesBetween,
  type Tile,
} from '@runseal/chain';
import { ed25519Verify, sha256 } from '@runseal/chain/node';
import { readHeaders, verifierKeyText } from '@runseal/ledger';
import { TestServer } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { metricsOf, Workplace, type ServedIngest } from './ingest-service.fixture.js';
import { ENTRIES_OPEN, HASHES_OPEN } from './log.controller.js';

let server: TestServer;
let workplace: Workplace;
let door: ServedIngest;
let key: string;
/** The newest head, which no longer changes. */
let size: number;
const leaves: Uint8Array[] = [];

const submit = async (count: number) => {
  const { status } = await door.post(key, { events: Array.from({ length: count }, () => metricsOf(uuidv7())) });
  expect(status).toBe(201);
};

beforeAll(async () => {
  server = await TestServer.start();
  workplace = await Workplace.open(server);
  door = await workplace.serve();
  key = await workplace.createKey();
  await submit(100);
  await door.headOf(key, 101);
  await submit(500);
  await submit(29);
  size = 630;
  await door.headOf(key, size);
  for (const record of await readHeaders(workplace.pool, 'default', 0, size)) {
    const { seq, stream_prev, prev_hash, payload_digest, envelope } = record;
    leaves.push(
      leafBytes({ seq, streamPrev: stream_prev, prevHash: prev_hash, payloadDigest: payload_digest, envelope }),
    );
  }
}, 60_000);

afterAll(async () => {
  await workplace?.close();
  await server?.remove();
});

const at = (path: string) => `/v1/log/default/${path}`;
const bytesOf = async (path: string) => new Uint8Array(await (await door.get(at(path), key)).arrayBuffer());

/** The hash tiles of the first `count` records, made from the records alone. */
function tilesOf(count: number): Map<string, Uint8Array> {
  const builder = new TileBuilder(sha256);
  for (const leaf of leaves.slice(0, count)) builder.append(recordHash(sha256, leaf));
  return new Map(builder.take().map(({ tile, bytes }) => [tilePath(tile), bytes]));
}

describe('the log', () => {
  it('shows the newest head, signed by the key that it names', async () => {
    const note = await (await door.get(at('checkpoint'), key)).text();
    const verifier = await (await door.get(at('key'), key)).text();
    expect(verifier).toBe(`${verifierKeyText(workplace.identity, 0)}\n`);
    const head = openHead(ed25519Verify, note, [parseVerifierKey(sha256, verifier.trim())]);
    expect(head).toMatchObject({ origin: 'test/default/0', size });
  });

  it('keeps every older head under its number', async () => {
    expect((await (await door.get(at('heads/0/0'), key)).text()).split('\n')[1]).toBe('1');
    expect((await (await door.get(at('heads/0/1'), key)).text()).split('\n')[1]).toBe('101');
    for (const path of ['heads/0/99', 'heads/1/0']) expect((await door.get(at(path), key)).status).toBe(404);
  });

  it('serves every tile of the newest head, full and partial, as the records give it', async () => {
    const expected = tilesOf(size);
    const tiles = [...tilesBetween(0, size)];
    expect(tiles.map(tilePath)).toEqual(['tile/0/000', 'tile/0/001', 'tile/0/002.p/118', 'tile/1/000.p/2']);
    for (const tile of tiles)
      expect([tilePath(tile), await bytesOf(tilePath(tile))]).toEqual([tilePath(tile), expected.get(tilePath(tile))]);
  });

  it('serves the narrower tiles of older heads still', async () => {
    for (const older of [1, 101, 256, 513]) {
      for (const [path, bytes] of tilesOf(older)) expect([path, await bytesOf(path)]).toEqual([path, bytes]);
    }
  });

  it('serves the leaves in bundles, older and narrower ones too', async () => {
    const bundles: Tile[] = [...bundlesBetween(0, size), { level: 'entries', index: 0, width: 101 }];
    for (const tile of bundles) {
      const first = tile.index * TILE_WIDTH;
      const response = await door.get(at(tilePath(tile)), key);
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
      const found = decodeEntryBundle(new Uint8Array(await response.arrayBuffer()));
      expect(found).toEqual(leaves.slice(first, first + tile.width));
    }
  });

  it.each([
    'tile/0/003',
    'tile/0/002',
    'tile/0/002.p/119',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/0',
    'tile/0/000/',
    'tile/0/x000/000',
    'tile/1/000',
    'tile/1/000.p/3',
    'tile/2/000.p/1',
    'tile/64/000',
    'tile/-1/000',
    'tile/entries/003',
    'tile/entries/002.p/119',
    'tile/x/000',
    'tile/0/000%2f..%2f001',
    'tile/0/999999999999999999',
    'nothing',
  ])('has nothing at %s', async (path) => {
    expect((await door.get(at(path), key)).status).toBe(404);
  });

  it('shows nothing that no published head covers', async () => {
    const blocker = await workplace.superuser.connect();
    try {
      // The signer cannot read what it would sign, while what is sealed goes on being sealed.
      await blocker.query('begin');
      await blocker.query('lock table ingest.tiles in access exclusive mode');
      await submit(3);
      const tile: Tile = { level: 'entries', index: 2, width: 119 };
      expect(isTileOf(tile, size)).toBe(false);
      expect((await door.get(at(tilePath(tile)), key)).status).toBe(404);
      expect((await (await door.get(at('checkpoint'), key)).text()).split('\n')[1]).toBe(String(size));
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
    await door.headOf(key, size + 3);
    expect((await door.get(at('tile/entries/002.p/119'), key)).status).toBe(200);
  });

  it('of another name does not exist', async () => {
    for (const path of ['checkpoint', 'key', 'tile/0/000', 'tile/entries/000', 'heads/0/0'])
      expect((await door.get(`/v1/log/other/${path}`, key)).status).toBe(404);
  });
});

describe('without a key', () => {
  const PATHS: readonly [path: string, opened: 'public' | 'hashes' | 'all' | 'never'][] = [
    ['/health/live', 'public'],
    ['/health/ready', 'public'],
    ['/v1/log/default/checkpoint', 'hashes'],
    ['/v1/log/default/key', 'hashes'],
    ['/v1/log/default/heads/0/0', 'hashes'],
    ['/v1/log/default/tile/0/000', 'hashes'],
    ['/v1/log/default/tile/entries/000', 'all'],
    ['/v1/records', 'never'],
    ['/v1/records/0', 'never'],
    ['/v1/records/0/evidence', 'never'],
    ['/v1/keys', 'never'],
    ['/v1/openapi.json', 'never'],
  ];

  it.each([
    ['nothing is open but health', [], ['public']],
    ['heads, keys and hash tiles are open, if so configured', [HASHES_OPEN], ['public', 'hashes']],
    ['the entries are open too, if so configured', [HASHES_OPEN, ENTRIES_OPEN], ['public', 'hashes', 'all']],
  ] as const)('%s', async (_what, openSwitches, open: readonly string[]) => {
    const served = await workplace.serve({ openSwitches: [...openSwitches] });
    for (const [path, opened] of PATHS) {
      const status = open.includes(opened) ? 200 : 401;
      expect([path, (await served.get(path)).status]).toEqual([path, status]);
    }
    // Whoever shows a key must show a good one, on open paths too.
    expect((await served.get('/v1/log/default/checkpoint', 'rsk_bad')).status).toBe(401);
  });

  it('every route and method answers 401, but the two of health and the one that hands the Python client out', async () => {
    let tried = 0;
    for (const { method, path, policy } of door.service.routes) {
      const url = door.service.url + path.replace(/:\w+/g, '0').replace('*', '000');
      const response = await fetch(url, { method, ...(method === 'POST' ? { body: '{}' } : {}) });
      const publicStatus = path.startsWith('/health/') ? 200 : path === '/sdk/:file' ? 404 : null;
      expect([method, path, policy?.scope === 'public']).toEqual([method, path, publicStatus !== null]);
      expect([method, path, response.status]).toEqual([method, path, publicStatus ?? 401]);
      tried++;
    }
    expect(tried).toBeGreaterThan(15);
  });
});

it('the OpenAPI document names every route, and no other', async () => {
  const document = (await (await door.get('/v1/openapi.json', key)).json()) as { paths: Record<string, object> };
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routes = door.service.routes
    .filter(({ method }) => method !== 'HEAD')
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  // The document's spelling of a path that goes on is the library's own.
  const plain = (all: string[]) => all.map((one) => one.replace(/\{?\*?\w*\*\w*\}?|\{path\}/g, '*')).sort();
  expect(plain(described)).toEqual(plain(routes));
});
