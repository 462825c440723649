import {
  DIGEST,
  gate,
  metricsAnswer,
  noResources,
  RUN,
  runAnswer,
  seriesOf,
  tooWide,
  verdictAnswer,
} from './answers.fixture.js';
import { showText, type Shown } from './show-text.js';

const show = ({
  run = runAnswer(),
  metrics = metricsAnswer([]),
  others = metrics,
  verdict = null,
  resources = noResources,
}: Partial<Shown> = {}) => showText({ run, metrics, others, verdict, resources });

const attempt = (number: number, resumes: { attempt: string | null; step: number | null } | null) => ({
  ...{ attempt: RUN, number, seq: number, started_at: null, resumes, total_steps: null, processes: null },
  ...{ rows: 1, steps: null, is_behind_weights: true },
});
const checkpoint = (step: number, deleted_seq: number | null = null) => ({
  ...{ attempt: RUN, step, epoch: null, path: null, digest: null, size_bytes: null, eval_loss: null },
  ...{ is_best: false, deleted_seq, deleted_at: null, seq: step },
});

test('a run’s head tells times and durations as people say them, and how far it is', () => {
  expect(show().split('\n\n')[0]).toBe(
    [
      'lora r8',
      `  run          ${RUN}`,
      '  experiment   support',
      '  state        finished',
      '  started      2026-01-26 10:30:00Z',
      '  ended        2026-01-26 13:37:00Z',
      '  took         3 h 07 min',
      '  progress     step 300 of 1000 (30 %), epoch 1.5 of 3',
      '  loss         4 → 2',
    ].join('\n'),
  );
});

test('leaves out what nobody told', () => {
  const run = runAnswer({
    ...{ name: null, experiment: null, state: 'running', started_at: null, ended_at: null, duration_seconds: null },
    progress: { step: null, total: null, epochs: null, total_epochs: null },
    summary: { ...runAnswer().summary, initial_loss: null, rows: 0 },
  });
  expect(show({ run })).toBe(
    [
      RUN,
      `  run          ${RUN}`,
      '  state        running',
      '',
      '  no curves: no row has come yet',
      '',
      '  not judged: the gates judge when a run ends',
    ].join('\n'),
  );
});

test('a run that broke off says why', () => {
  const end = { type: 'run.failed', error: `CUDA out of memory. ${'Tried to allocate. '.repeat(9)}`, seq: 8 } as const;
  const text = show({ run: runAnswer({ state: 'failed', end }) });
  expect(text).toContain('  state        failed: CUDA out of memory. Tried');
  expect(tooWide(text)).toEqual([]);
});

test('a run without total steps, with attempts and many checkpoints', () => {
  const run = runAnswer({
    progress: { step: 40, total: null, epochs: null, total_epochs: null },
    attempts: [attempt(1, null), attempt(2, { attempt: RUN, step: 100 }), attempt(3, { attempt: null, step: null })],
    checkpoints: Array.from({ length: 20 }, (_, index) => checkpoint(index * 50)),
  });
  const text = show({ run });
  expect(text).toContain('  progress     step 40\n');
  expect(text).toContain('  attempts     3; 2 resumes at step 100; 3 resumes\n');
  expect(text).toContain('  checkpoints  20, the last at steps 800, 850, 900, 950\n');
  expect(show({ run: runAnswer({ checkpoints: [checkpoint(50)] }) })).toContain('  checkpoints  at step 50\n');
});

const remark = (
  name: string,
  value: string | boolean | null,
  text: string | null = null,
  hides: string | null = null,
) => ({
  ...{ name, value, text, hides, attempt: null, at: null, by: 'p_a', seq: 7 },
});

test('checkpoints that went are told apart', () => {
  const gone = (step: number) => checkpoint(step, 9);
  const line = (...checkpoints: ReturnType<typeof checkpoint>[]) =>
    /checkpoints {2}(.*)/.exec(show({ run: runAnswer({ checkpoints }) }))?.[1];
  expect(line(gone(10), checkpoint(20))).toBe('at steps 10, 20; deleted since: 10');
  expect(line(gone(10))).toBe('at step 10; all deleted since');
  const many = Array.from({ length: 20 }, (_, index) => (index < 17 ? gone : checkpoint)(index));
  expect(line(...many)).toBe('20, the last at steps 16, 17, 18, 19; deleted since: 17, up to step 16');
});

describe('the machine', () => {
  const GIB = 2 ** 30;
  const machine = {
    ...{ host: 'a', cpu_mean_percent: 31.4, ram_peak_bytes: 63.96 * GIB, ram_total_bytes: 256 * GIB },
    ...{ disk_free_least_bytes: null, process_rss_peak_bytes: null },
  };
  const gpu = (index: number, memory_peak_bytes: number | null, utilization_mean_percent: number | null) => ({
    ...{ host: 'a', index, name: null, utilization_mean_percent, memory_peak_bytes, memory_total_bytes: 80 * GIB },
    ...{ temperature_peak_celsius: null, power_mean_watts: null },
  });
  const line = (more: Partial<Shown['resources']>) =>
    / {2}resources {4}(.*(?:\n {15}.*)*)/.exec(show({ resources: { ...noResources, ...more } }))?.[1];

  test('is a line: how full the fullest GPU was, how busy they were, how much memory it took', () => {
    expect(line({ machines: [machine], gpus: [gpu(0, 76 * GIB, 91)] })).toBe(
      'peak GPU memory 76 of 80 GiB (95 %), mean GPU use 91 %, peak RAM 64 of 256 GiB (25 %)',
    );
    expect(line({ machines: [], gpus: [gpu(0, 20 * GIB, 80), gpu(1, 40 * GIB, 90), gpu(2, null, null)] })).toBe(
      'peak GPU memory 40 of 80 GiB (50 %), mean GPU use 85 % (of 3 GPUs the fullest)',
    );
  });

  test('without a GPU tells how busy its processor was, and nothing where nothing was read', () => {
    expect(line({ machines: [{ ...machine, ram_total_bytes: null }] })).toBe('mean CPU use 31 %, peak RAM 64 GiB');
    expect(show()).not.toContain('resources');
    expect(line({ machines: [{ ...machine, cpu_mean_percent: null, ram_peak_bytes: null }] })).toBeUndefined();
  });
});

test('remarks are told with their records, of each name the last, with what they hide', () => {
  const hides = 'Such a loss does not show in the curve.';
  const annotations = [
    remark('nan_inf_filter', false),
    remark('nan_inf_filter', true, null, hides),
    remark('preflight', null, `eval_steps ${'is no multiple '.repeat(40)}`),
    remark('stop_requested', null),
  ];
  const text = show({ run: runAnswer({ annotations }) });
  expect(text).toContain(
    `  remarks:\n    nan_inf_filter true (record 7)\n      ${hides}\n    preflight eval_steps is no`,
  );
  expect(text).toMatch(/…\s+\(record 7\)\n {4}stop_requested \(record 7\)$/);
  expect(tooWide(text)).toEqual([]);
});

describe('curves', () => {
  test('are drawn with the newest value and what they tell, under the names that the trainer gave them', () => {
    const series = [
      seriesOf('eval_loss', [3, 4, 5], 'eval'),
      seriesOf('train/loss', [8, 4, 1]),
      seriesOf('lr', [1, 1, 1]),
    ];
    const explanation = 'eval_loss was best at step 100.';
    const text = show({ metrics: metricsAnswer(series, { verdict: 'overfitting', best_step: 100, explanation }) });
    expect(text).toContain(
      [
        '  train/loss  █▄▁ 1 overfitting',
        '  eval_loss   ▁▅█ 5 best at step 100: stop here',
        '  lr          ███ 1',
        '  eval_loss was best at step 100.',
      ].join('\n'),
    );
  });

  test('mark where a value was none', () => {
    const text = show({ metrics: metricsAnswer([seriesOf('loss', [3, 'NaN', 1])], { verdict: 'broken' }) });
    expect(text).toContain('  loss  █×▁ 1 broken\n');
  });

  test('of a summary are no curves: its loss is another metric', () => {
    const text = show({ metrics: metricsAnswer([seriesOf('train_loss', [2.6], 'summary')]) });
    expect(text).not.toContain('train_loss');
    expect(text).toContain('  no loss rows\n');
  });

  test('a run without rows is not told to have rows without a loss', () => {
    const run = runAnswer({ summary: { ...runAnswer().summary, rows: 0 } });
    expect(show({ run })).toContain('  no curves: the run has no metric rows\n');
  });

  test('what else was logged is named, eight of it, the rest counted', () => {
    const named = Array.from({ length: 100 }, (_, index) => seriesOf(`m${index}`, [1, index]));
    const omitted = [
      { key: 'x1', kind: 'train' as const },
      { key: 'loss', kind: 'train' as const },
      { key: 'x2', kind: 'summary' as const },
    ];
    const text = show({ others: { series: [...named, seriesOf('eval_loss', [1], 'eval')], omitted } });
    expect(text).toContain('also, newest values: m0 0, m1 1, m2 2, m3 3, m4 4, m5 5, m6 6, m7 7, and 93 metrics more');
  });

  test('what is logged beside evaluations too is named once', () => {
    const series = [seriesOf('tokens', [1, 7]), seriesOf('tokens', [1, 7], 'eval'), seriesOf('kl', [1])];
    expect(show({ others: { series, omitted: [] } })).toContain('also, newest values: tokens 7, kl 1\n');
  });
});

describe('the verdict', () => {
  test('is the gates in one line and the command that explains them', () => {
    const gates = [gate('G1'), gate('G4', { verdict: 'fail' })];
    const text = show({ verdict: verdictAnswer({ overall: 'blocked', gates }) });
    expect(text).toContain(`  blocked: G1 pass  G4 FAIL (block)\n  why: runseal why ${RUN}`);
  });

  test('says who accepted its warnings', () => {
    const accepted = { by: 'p_ada', reason: 'small', seq: 9 };
    expect(show({ verdict: verdictAnswer({ overall: 'warnings', accepted }) })).toContain(
      '  warnings, accepted by p_ada: G1 pass\n',
    );
  });

  test('of an ended run that has none is still to come', () => {
    expect(show()).toContain('\n\n  not judged yet');
  });
});

test.each([
  ['Production', 'blocked', 'support version 4, stage Production, CONTESTED'],
  ['Staging', 'blocked', 'support version 4, stage Staging, CONTESTED'],
  ['Production', 'passed', 'support version 4, stage Production'],
  ['None', 'blocked', 'support version 4, stage None'],
] as const)('a version at %s whose run is %s is shown as %s', (stage, overall, text) => {
  const verdict = { verdict_id: RUN, seq: 9, overall, policy: verdictAnswer().policy, unmet: [], acceptance: null };
  const run = runAnswer({ model: { name: 'support', version: 4, stage, seq: 9 }, verdict });
  expect(show({ run })).toContain(`  model        ${text}\n`);
});

test.each(['running', 'finished', 'failed', 'killed', 'lost'] as const)(
  'a %s run that tells no more shows its state',
  (state) => {
    expect(show({ run: runAnswer({ state }) })).toContain(`  state        ${state}\n`);
  },
);

test('what went in and came out is named with its digest, or that it was not hashed', () => {
  const material = { role: null, path: null, files: null, facts: {}, asserted: [] };
  const run = runAnswer({
    inputs: [{ ...material, kind: 'dataset', role: 'train', name: 'tickets', digest: DIGEST, seq: 5 }],
    outputs: [{ ...material, kind: 'weights', role: 'weights', name: null, path: 'adapter', digest: null, seq: 7 }],
  });
  expect(show({ run })).toContain(
    [
      '       WHAT           NAME     DIGEST                BY',
      '  in   dataset train  tickets  sha256:abababababab…  record 5',
      '  out  weights        adapter  not hashed            record 7',
    ].join('\n'),
  );
});

test('faults are told in sentences with their records, the first twenty', () => {
  const faults = Array.from({ length: 23 }, (_, index) => ({
    ...{
      kind: 'event_after_end',
      message: `Something ${index} ${'does not fit '.repeat(9)}`,
      seq: index,
      count: 1 + index,
    },
  }));
  const text = show({ run: runAnswer({ faults }) });
  expect(text).toMatch(/ {4}Something 0 [^]*\(record 0\)\n/);
  expect(text).toMatch(/\(record 19, 20\s+times\)\n {4}and 3 more: runseal show --json$/);
  expect(tooWide(text)).toEqual([]);
});

test('no text of a trainer steers the terminal', () => {
  const nasty = '\u001b]0;pwned\u0007\u001b[2Jname';
  const end = { type: 'run.failed', error: nasty, seq: 8 } as const;
  const material = { role: nasty, path: nasty, digest: null, files: null, facts: {}, asserted: [] };
  const run = runAnswer({
    ...{ name: nasty, experiment: nasty, end, faults: [{ kind: 'x', message: nasty, seq: 1, count: 1 }] },
    annotations: [remark('nasty', nasty, nasty)],
    inputs: [{ ...material, kind: 'other', name: nasty, seq: 5 }],
    summary: { ...runAnswer().summary, best_eval_loss: 1, best_checkpoint: nasty },
  });
  const others = metricsAnswer([seriesOf(nasty, [1])]);
  const metrics = metricsAnswer([], { explanation: nasty });
  const text = show({ run, metrics, others, verdict: verdictAnswer({ gates: [gate('G1')] }) });
  expect(text).toContain('name');
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});
