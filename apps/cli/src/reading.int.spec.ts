import type { RunAnswer } from '@runseal/lineage';
import { tooWide } from './answers.fixture.js';
import { StandaloneSite, TellRun } from './standalone-site.fixture.js';

// What the reading commands make of runs that are odd, many, or alike. The way of a run as it should be is in e2e.

const LIMIT_MS = 90_000;
const falling = [1, 2, 3, 4, 5, 6, 7, 8].map((step) => ({ step: step * 10, loss: 4 / step, grad_norm: 1 }));
let site: StandaloneSite;

beforeAll(async () => {
  site = await StandaloneSite.start();
}, LIMIT_MS);

afterAll(() => site?.close());

test('a ledger without runs says so, and that no model is there', async () => {
  expect(await site.cli('runs')).toEqual({ exitCode: 0, out: '', err: 'No runs.\n' });
  expect(await site.cli('runs', '--json')).toMatchObject({ out: '{"items":[],"next_cursor":null}\n' });
  expect((await site.cli('models')).out).toMatch(/^No models/);
});

describe('show', () => {
  const show = async (name: string) => {
    const { exitCode, out, err } = await site.cli('show', name);
    expect({ exitCode, err, wide: tooWide(out.replaceAll(/^.*G1 .*$/gm, '')) }).toEqual({
      exitCode: 0,
      err: '',
      wide: [],
    });
    return out;
  };

  beforeAll(async () => {
    const [fresh, running, failed, killed, silent, rewarded] = Array.from({ length: 6 }, () => new TellRun());
    await site.seal([
      ...fresh!.start('fresh'),
      ...[...running!.start('running'), running!.rows(...falling)],
      ...[...failed!.start('failed'), failed!.rows(...falling), failed!.ends('run.failed')],
      ...[...killed!.start('killed'), killed!.rows(...falling), killed!.ends('run.killed')],
      ...[...silent!.start('silent'), silent!.ends('run.finished')],
      ...[
        ...rewarded!.start('rewarded'),
        rewarded!.rows({ step: 1, reward: 2, kl: 'NaN' }),
        rewarded!.ends('run.finished'),
      ],
    ]);
  }, LIMIT_MS);

  test('of a running run draws what has come, and says when it will be judged', async () => {
    const out = await show('running');
    expect(out).toMatch(/\n {2}state {8}running\n[^]*\n {2}progress {5}step 80 of 300 \(26 %\)\n/);
    expect(out).toMatch(/\n {2}loss {7}█▄▃▂▂▁▁▁ 0\.5 converging\n {2}grad_norm {2}████████ 1\n/);
    expect(out).toContain('not judged: the gates judge when a run ends');
    expect(await show('fresh')).toContain('no curves: no row has come yet');
  });

  test('of a run seen from beside tells of its machine, what went and what was remarked', async () => {
    const run = new TellRun();
    await site.seal([
      ...run.start('observed'),
      run.event('run.resources-sampled', { attempt: run.attempt }),
      run.event('run.checkpoint-saved', { attempt: run.attempt, step: 1000 }),
      run.event('run.checkpoint-saved', { attempt: run.attempt, step: 2000 }),
      run.event('run.checkpoint-deleted', { attempt: run.attempt, step: 1000, path: null }),
      run.event('run.annotated', { attempt: run.attempt }),
    ]);
    const out = await show('observed');
    expect(out).toContain('  checkpoints  at steps 1000, 2000; deleted since: 1000\n');
    expect(out).toContain(
      '  resources    peak GPU memory 61 of 80 GiB (76 %), mean GPU use 97 %, peak RAM 68 of 256 GiB',
    );
    expect(out).toMatch(/\n {2}remarks:\n {4}nan_inf_filter true: [^]*\n {6}The trainer replaces a loss/);
    const { resources } = JSON.parse((await site.cli('show', 'observed', '--json')).out) as { resources: object };
    expect(resources).toMatchObject({ samples: 2, gpus: [{ index: 0, temperature_peak_celsius: 64 }] });
  });

  test('of a run that broke off says how', async () => {
    expect(await show('failed')).toContain('state        failed: torch.cuda.OutOfMemoryError: CUDA out of memory.');
    expect(await show('killed')).toContain('state        killed: the scheduler took the node back\n');
  });

  test('of a run without curves says what there is instead', async () => {
    expect(await show('silent')).toContain('no curves: the run has no metric rows\n');
    expect(await show('rewarded')).toContain('  no loss rows\n  also, newest values: kl NaN, reward 2\n');
  });

  test('of rows without a start, and of everything that does not fit together, tells in sentences', async () => {
    const unknown = new TellRun();
    const odd = new TellRun();
    await site.seal([
      unknown.rows({ step: 1, loss: 1 }),
      odd.rows({ step: -5, loss: 1 }, { step: 1.5, loss: 'NaN' }),
      ...odd.start('odd'),
      odd.rows({ step: 3, loss: 1 }, { step: 2, loss: 0 }),
      ...[odd.ends('run.finished'), odd.ends('run.failed'), odd.rows({ step: 9, loss: 1 })],
    ]);
    expect(await show(unknown.run)).toMatch(/\n {4}there is no run\.started \(record \d+\)\n/);
    const out = await show('odd');
    expect(out.split('\n  faults')[1]?.match(/\(record \d+\)/g)).toHaveLength(7);
    expect(out).toMatch(/loss +█×[^\n]+ broken\n {2}loss is NaN at step 1\.5: training broke there\.\n/);
  });

  test(
    'of ten thousand metrics names some and counts the others',
    async () => {
      const many = new TellRun();
      const part = (from: number) =>
        Object.fromEntries(
          Array.from({ length: 1_000 }, (_, index) => [`m${String(from + index).padStart(5, '0')}`, index]),
        );
      await site.seal([
        ...many.start('many'),
        ...Array.from({ length: 10 }, (_, n) => many.rows({ step: 1, n, ...part(n * 1_000) })),
        ...[many.rows(...falling), many.ends('run.finished')],
      ]);
      const out = await show('many');
      expect(out).toMatch(/also, newest values: m00000 0, m00001 1, [^]*, and 9992\s+metrics more\n/);
      expect(out).toMatch(/\n {2}loss +█[^\n]+ converging\n/);
      expect(JSON.parse((await site.cli('show', 'many', '--json')).out)).toMatchObject({ run: { name: 'many' } });
    },
    LIMIT_MS,
  );
});

describe('a run is found', () => {
  const found = async (given: string) => {
    const { exitCode, out, err } = await site.cli('show', given, '--json');
    return exitCode === 0 ? (JSON.parse(out) as { run: RunAnswer }).run.run_id : err;
  };

  test('by its id, the beginning of it, or its whole name; a name comes before an id that begins so', async () => {
    const first = new TellRun();
    const second = new TellRun();
    await site.seal([...first.start('by name'), ...second.start(first.run.slice(0, 18))]);
    expect(await found(first.run)).toBe(first.run);
    expect(await found(first.run.slice(0, 30))).toBe(first.run);
    expect(await found(first.run.slice(0, 18))).toBe(second.run);
    expect(await found('by name')).toBe(first.run);
    expect(await found('by nam')).toMatch(/^runseal: There is no run "by nam"\. Wanted an id/);
    expect(await found('')).toMatch(/There is no run ""/);
  });

  test('by none where several fit, and each is named with what tells them apart', async () => {
    const runs = Array.from({ length: 12 }, () => new TellRun());
    await site.seal(runs.flatMap((run) => run.start('twin')));
    const { exitCode, out, err } = await site.cli('show', 'twin');
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(err).toMatch(/^runseal: "twin" fits 12 runs, give an id:\n/);
    expect(err.match(/^ {2}[0-9a-f-]{36} {2}twin, running$/gm)).toHaveLength(10);
    expect(err).toMatch(/\n {2}and 2 more\n$/);
  });

  test(
    'among more than a page of runs that have its name in theirs',
    async () => {
      const wanted = new TellRun();
      const others = Array.from({ length: 1_200 }, (_, index) =>
        new TellRun().event('run.started', { name: `sweep-${index}` }),
      );
      await site.seal([...wanted.start('sweep'), ...others]);
      expect(await found('sweep')).toBe(wanted.run);
    },
    LIMIT_MS,
  );
});

describe('lists', () => {
  test('are cut at the limit, and say that there is more', async () => {
    const { out, err } = await site.cli('runs', '--limit', '3', '--sort', 'name', '--state', 'failed');
    expect(out.split('\n')).toHaveLength(4);
    expect(err).toBe('');
    expect((await site.cli('runs', '--limit', '3')).err).toMatch(/^There are more: /);
  });

  test('keep their lines whatever a run is called', async () => {
    await site.seal(new TellRun().start(`line\nbreak\u001b[2J${'x'.repeat(200)}`));
    const { out } = await site.cli('runs', '--limit', '1', '--sort', '-first_seq');
    expect(out.split('\n')).toHaveLength(3);
    expect(out).toMatch(/ {2}line break \[2Jx{13}… {2}/);
  });
});

describe('questions that were put wrongly', () => {
  test.each([
    [['runs', '--sort', 'size'], /Wanted one of newest_seq/],
    [['runs', '--limit', '1001'], /Wanted 1 to 1000/],
    [['runs', '--state', 'done'], /Allowed choices are running/],
    [['compare', 'fresh'], /Found 1 run, wanted 2 to 20/],
    [['models', 'support', '0'], /whole number from 1/],
    [['models', '--as-of', 'yesterday'], /as_of: .*wanted a seq, or a time/],
    [['why', 'fresh', '--as-of', '9', '--evaluate'], /cannot be used with/],
    [['lineage', 'fresh', '--class', 'rumour'], /Allowed choices are influence/],
    [['tag', 'support', '1', 'owner'], /wanted name=value/],
    [['promote', 'support', '1', '--to', 'Production'], /--reason/],
    [['check', 'nowhere'], /There is no file or folder/],
    [['why', 'fresh'], /is not judged: gates judge when a run ends/],
  ])('%j ends with 2 and says what is wanted', async (args, words) => {
    const { exitCode, out, err } = await site.cli(...args);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toMatch(words);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test.each([
    [['why', '00000000-0000-4000-8000-000000000000'], /^runseal: There is no run [0-9a-f-]{36}\.\n$/],
    [['compare', 'fresh', 'nobody'], /^runseal: There is no run "nobody"/],
    [['models', 'nothing', '1'], /^runseal: There is no version 1 of a model nothing\.\n$/],
    [['lineage', `sha256:${'0'.repeat(64)}`], /^runseal: The ledger knows nothing named/],
    [['accept-warnings', 'fresh', '--reason', 'x'], /is not judged, so there is nothing to accept/],
    [['why', 'fresh', '--evaluate'], /^runseal: .*running/],
  ])('what is not there is no: %j ends with 1', async (args, words) => {
    const { exitCode, out, err } = await site.cli(...args);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(err).toMatch(words);
    const json = await site.cli(...args, '--json');
    expect(JSON.parse(json.out)).toEqual({ error: expect.any(String) as string });
  });
});

test('differences are shown side by side, what is alike is counted', async () => {
  const { exitCode, out } = await site.cli('compare', 'failed', 'killed');
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^outcome {2}failed {3}killed\nstate {4}failed {3}killed\nverdict {2}blocked {2}blocked\n/);
  expect(out).toMatch(/\n\nparameters: no difference/);
});
