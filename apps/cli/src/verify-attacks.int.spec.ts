import { readdir, readFile, rm, writeFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { recomputeChain } from './rewrite.fixture.js';
import { TestLedger } from './test-ledger.fixture.js';
import type { Verdict } from './verify/verify-source.js';

// Every row of the attack matrix, done as the database's superuser and looked for over HTTP and in the database itself.

let ledger: TestLedger;
/** Sizes of the heads: 1 by the opening, then one after each seal. */
let size: number;

beforeAll(async () => {
  ledger = await TestLedger.start();
  for (let round = 0; round < 3; round++) size = await ledger.seal(100);
  await ledger.trust('home', await ledger.waitForHead(size));
  await ledger.keep();
});

afterEach(() => ledger.restore());
afterAll(() => ledger.close());

type Mode = 'http' | 'database' | 'export';
const modes: Mode[] = ['http', 'database', 'export'];

async function verify(mode: Mode, more: string[] = []): Promise<Verdict & { exitCode: number }> {
  const args = ['verify', '--json', ...more];
  if (mode === 'database') args.push('--database', ledger.auditorUrl);
  if (mode === 'export') {
    const file = join(ledger.folder, 'attacked.jsonl');
    expect((await ledger.cli(['export', '-o', file])).exitCode).toBe(0);
    args.push('--export', file);
  }
  const { exitCode, out, err } = await ledger.cli(args);
  if (!out.startsWith('{')) throw new Error(out + err);
  return { ...(JSON.parse(out) as Verdict), exitCode };
}

/** Does it, and expects the same first fault and exit code 1 in the given modes. */
async function expectFault(fault: object, inModes = modes): Promise<void> {
  for (const mode of inModes) {
    const verdict = await verify(mode);
    expect({ mode, first: verdict.faults[0], verdict: verdict.verdict, exitCode: verdict.exitCode }).toEqual({
      mode,
      first: fault,
      verdict: 'tampered',
      exitCode: 1,
    });
  }
}

const sql = (text: string, values: unknown[] = []) => ledger.superuser.query(text, values);

describe('a ledger that nobody touched', () => {
  test.each(modes)('is intact up to its newest head (%s)', async (mode) => {
    const verdict = await verify(mode);
    expect(verdict).toMatchObject({
      verdict: 'intact',
      exitCode: 0,
      size,
      anchored_to: size,
      unanchored: 0,
      trust: 'known-log',
      faults: [],
      payloads: { verified: size, pruned: 0, erased: 0, missing: 0, mismatched: 0 },
    });
    expect(verdict.heads_checked).toBeGreaterThan(0);
    if (mode !== 'export') expect(verdict.tiles.compared).toBe(3);
  });
});

describe('an edit', () => {
  test('of an envelope is content at its seq', async () => {
    await sql(`update ledger.records set envelope = convert_to(replace(convert_from(envelope, 'UTF8'),
      '"actor":"p_', '"actor":"q_'), 'UTF8') where seq = 17`);
    await expectFault({ kind: 'content', seq: 17 });
  });

  test('of a payload is payload_mismatch at its seq', async () => {
    await sql(`update ledger.payloads set payload = convert_to(replace(convert_from(payload, 'UTF8'), '2.1043', '0.1043'),
      'UTF8') where seq = 170`);
    await expectFault({ kind: 'payload_mismatch', seq: 170 });
  });

  test('of a salt is payload_mismatch at its seq', async () => {
    await sql('update ledger.payloads set salt = set_byte(salt, 3, (get_byte(salt, 3) + 1) % 256) where seq = 170');
    await expectFault({ kind: 'payload_mismatch', seq: 170 });
  });

  test('of the columns that find a record is content at its seq, which only the database shows', async () => {
    for (const change of [`type = 'run.finished'`, `stream = 'run/other'`, 'event_id = gen_random_uuid()']) {
      await sql(`update ledger.records set ${change} where seq = 42`);
      await expectFault({ kind: 'content', seq: 42 }, ['database']);
      await ledger.restore();
    }
  });

  test('of an epoch is content at its seq', async () => {
    await sql('update ledger.records set epoch = 1 where seq = 42');
    await expectFault({ kind: 'content', seq: 42 });
  });
});

describe('taking away', () => {
  test('a payload is payload_missing at its seq', async () => {
    await sql('delete from ledger.payloads where seq = 5');
    await expectFault({ kind: 'payload_missing', seq: 5 });
    await sql('insert into ledger.payloads select ledger, seq, salt, null from kept.payloads where seq = 5');
    await expectFault({ kind: 'payload_missing', seq: 5 });
  });

  test('a record in the middle is a hole at its seq', async () => {
    await sql('delete from ledger.records where seq = 150; delete from ledger.payloads where seq = 150');
    await expectFault({ kind: 'hole', seq: 150 });
  });

  test('the last records is tail_missing between what is left and the head, whether or not the head row was set back', async () => {
    await sql(`delete from ledger.records where seq >= ${size - 10}`);
    await expectFault({ kind: 'tail_missing', between: [size - 10, size] });
    await ledger.restore();
    await ledger.setBack(size - 10);
    await expectFault({ kind: 'tail_missing', between: [size - 10, size] });
  });

  test('everything is tail_missing from the first record on', async () => {
    await sql('delete from ledger.records; delete from ledger.payloads');
    await expectFault({ kind: 'tail_missing', between: [0, size] });
  });
});

describe('order', () => {
  test('two records that changed places are content at the first of them', async () => {
    await sql('update ledger.records set seq = -1 where seq = 30');
    await sql('update ledger.records set seq = 30 where seq = 60');
    await sql('update ledger.records set seq = 60 where seq = -1');
    for (const mode of modes) {
      const { faults, exitCode } = await verify(mode);
      expect(faults[0]).toEqual({ kind: 'content', seq: 30 });
      expect(faults).toContainEqual({ kind: 'content', seq: 60 });
      expect(exitCode).toBe(1);
    }
  });

  test('a record that was put in is found at its seq', async () => {
    await sql(`insert into ledger.records select ledger, ${size}, epoch, gen_random_uuid(), type, stream, stream_prev,
      prev_hash, payload_digest, hash, envelope from ledger.records where seq = 200`);
    // An export ends at the newest head, so what was put in behind it is not in the file.
    await expectFault({ kind: 'content', seq: size }, ['http', 'database']);
  });

  test('a record put in by moving all behind it is content or link at the first wrong seq', async () => {
    await sql('update ledger.records set seq = -seq - 1 where seq >= 100');
    await sql('update ledger.records set seq = -seq where seq < 0');
    await sql('update ledger.payloads set seq = -seq - 1 where seq >= 100');
    await sql('update ledger.payloads set seq = -seq where seq < 0');
    await sql(`insert into ledger.records select ledger, 100, epoch, gen_random_uuid(), type, stream, stream_prev,
      prev_hash, payload_digest, hash, envelope from ledger.records where seq = 99`);
    for (const mode of modes) {
      const { faults } = await verify(mode);
      expect(faults[0]).toEqual({ kind: 'content', seq: 100 });
    }
  });
});

describe('a chain that was computed anew after an edit', () => {
  test('is head_mismatch between the last head that holds and the first that does not', async () => {
    await sql(`update ledger.records set envelope = convert_to(replace(convert_from(envelope, 'UTF8'),
      '"actor":"p_', '"actor":"q_'), 'UTF8') where seq = 150`);
    await recomputeChain(ledger.superuser, 150);
    const verdict = await verify('http');
    expect(verdict).toMatchObject({
      verdict: 'tampered',
      exitCode: 1,
      anchored_to: 101,
      faults: [{ kind: 'head_mismatch', between: [101, 201] }],
    });
    const outside = await verify('database', ['--heads', ledger.headsFolder]);
    expect(outside.faults).toEqual([{ kind: 'head_mismatch', between: [101, 201] }]);
    // Without the heads in between only the one that was kept can tell.
    expect((await verify('database')).faults).toEqual([{ kind: 'head_mismatch', between: [0, size] }]);
    expect((await verify('export')).faults).toEqual([{ kind: 'head_mismatch', between: [0, size] }]);
  });
});

describe('what lies beside the records', () => {
  test('a head whose signature was changed is head_signature at its size', async () => {
    const path = join(ledger.headsFolder, '0', '2');
    const note = await readFile(path, 'utf8');
    const [, line = ''] = note.split('\n\n');
    const broken = Buffer.from(line.trim().split(' ')[2] ?? '', 'base64');
    broken[20] = (broken[20] ?? 0) ^ 1;
    await writeFile(path, note.replace(/\S+\n$/, `${broken.toString('base64')}\n`));
    try {
      await expectFault({ kind: 'head_signature', seq: 201 }, ['http']);
      expect((await verify('database', ['--heads', ledger.headsFolder])).faults).toEqual([
        { kind: 'head_signature', seq: 201 },
      ]);
    } finally {
      await writeFile(path, note);
    }
  });

  test('a tile that was changed is tile_mismatch at its path', async () => {
    for (const [level, index, tile] of [
      [0, 0, 'tile/0/000'],
      [0, 1, `tile/0/001.p/${size - 256}`],
      [1, 0, 'tile/1/000.p/1'],
    ] as const) {
      await sql(
        `update ingest.tiles set hashes = set_byte(hashes, 31, (get_byte(hashes, 31) + 1) % 256)
         where level = $1 and index = $2`,
        [level, index],
      );
      await expectFault({ kind: 'tile_mismatch', tile }, ['http', 'database']);
      await ledger.restore();
    }
  });
});

describe('an old copy that was restored', () => {
  test('lacks its tail, and nothing is sealed on it', async () => {
    await ledger.setBack(201);
    await expectFault({ kind: 'tail_missing', between: [201, size] });
    await ledger.stopService();
    await ledger.serve();
    const answer = await ledger.request('/v1/events', { events: [] });
    expect(answer.status).not.toBe(201);
    await expect(ledger.seal(1)).rejects.toThrow('ledger_behind');
  });

  test('and sealed on by force, with the real key, is a fork before the first head that differs', async () => {
    await ledger.stopService();
    await ledger.setBack(201);
    const forged = join(ledger.folder, 'forged-heads');
    await cp(ledger.headsFolder, forged, { recursive: true });
    // Heads 0 to 2 cover 1, 101 and 201 records; what came later is put aside.
    for (const name of await readdir(join(forged, '0'))) if (name.startsWith('3')) await rm(join(forged, '0', name));
    await ledger.serve(forged);
    expect(await ledger.seal(150)).toBeGreaterThan(size);
    const fault = { kind: 'fork', between: [201, size] };
    await expectFault(fault, ['http']);
    // In these the heads in between are not to be had, only the one that was kept and the newest.
    await expectFault({ kind: 'fork', between: [0, size] }, ['export']);
    const found = await verify('database', ['--heads', forged]);
    expect(found.faults[0]).toEqual(fault);
  });
});
