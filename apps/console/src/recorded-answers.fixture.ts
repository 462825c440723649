// Answers in the shapes that the services document, for a page that is looked at without them.
type Json = Record<string, unknown>;

const runId = (number: number) => `01920000-0000-7000-8000-${String(number).padStart(12, '0')}`;
const digest = (number: number) => `sha256:${number.toString(16).padStart(2, '0').repeat(32)}`;

export const RUNS = { overfitting: runId(1), running: runId(2), broken: runId(3), plain: runId(4) };
export const ROOT_HEX = 'ab'.repeat(32);

export const whoAmI: Json = {
  principal: 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa',
  kind: 'person',
  name: 'Ada',
  ledger: 'default',
  scopes: ['read'],
};

export const headNote = `lab-1a2b3c/default/0\n1284\n${Buffer.from(ROOT_HEX, 'hex').toString('base64')}\n\n— lab-1a2b3c/default/0 AAAA\n`;

export const status: Json = {
  ledger: 'default',
  newest: { epoch: 0, seq: 1290 },
  readers: [
    { name: 'lineage', position: { epoch: 0, seq: 1290 }, lag_records: 0, lag_s: 0, stopped: null, trouble: null },
    { name: 'gates', position: { epoch: 0, seq: 1288 }, lag_records: 2, lag_s: 0.1, stopped: null, trouble: null },
  ],
};

function runItem(number: number, change: Json): Json {
  return {
    run_id: runId(number),
    name: `run ${number}`,
    experiment: 'support-bot',
    model: 'support-bot',
    state: 'finished',
    started_at: '2026-01-26T10:30:00.123Z',
    ended_at: '2026-01-26T13:45:00Z',
    duration_seconds: 11_700,
    progress: { step: 300, total: 300 },
    final_loss: 1.0857,
    eval_loss: 1.2104,
    overall: 'passed',
    faults: 0,
    principal: 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa',
    newest_seq: 1200 - number,
    ...change,
  };
}

const special = [
  runItem(1, { name: 'overfit-full', overall: 'blocked', final_loss: 0.0412, eval_loss: 2.31 }),
  runItem(2, {
    name: 'qlora-8b-night',
    state: 'running',
    ended_at: null,
    duration_seconds: null,
    progress: { step: 130, total: 300 },
    overall: null,
    eval_loss: null,
  }),
  runItem(3, {
    name: 'lr-too-high',
    state: 'failed',
    overall: 'blocked',
    final_loss: 'NaN',
    eval_loss: 'NaN',
    progress: { step: 40, total: 300 },
    duration_seconds: 42.5,
    faults: 2,
  }),
  runItem(4, { name: null, experiment: null, overall: 'warnings', state: 'killed', started_at: null, progress: {} }),
];
const others = Array.from({ length: 26 }, (_, index) => runItem(index + 5, {}));
const all = [...special, ...others];

export function runsPage(query: URLSearchParams): Json {
  const limit = Number(query.get('limit') ?? 100);
  const from = Number(query.get('cursor') ?? 0);
  const [q, state, experiment] = [query.get('q') ?? '', query.get('state'), query.get('experiment')];
  const found = all.filter(
    (run) =>
      String(run['name'] ?? run['run_id']).includes(q) &&
      (state === null || run['state'] === state) &&
      (experiment === null || run['experiment'] === experiment),
  );
  const items = found.slice(from, from + limit);
  return { items, next_cursor: from + limit < found.length ? String(from + limit) : null };
}

export const experiments: Json = {
  items: [{ experiment: 'support-bot', runs: 29, running: 1, newest_seq: 1290 }],
  next_cursor: null,
};

const material = (change: Json): Json => ({
  kind: 'other',
  role: null,
  name: null,
  path: null,
  digest: null,
  files: null,
  facts: {},
  asserted: [],
  seq: 4,
  ...change,
});

export function runAnswer(id: string): Json | null {
  const item = all.find((run) => run['run_id'] === id);
  if (!item) return null;
  const isBroken = id === RUNS.broken;
  return {
    ...item,
    target_model: null,
    objective: 'sft',
    tasks: ['qa'],
    trainer: { name: 'llama_factory', version: '0.9.6' },
    recorded: 'afterwards',
    tags: {},
    active_seconds: isBroken ? 42.5 : 10_920,
    progress: { ...(item['progress'] as Json), epochs: 3, total_epochs: 3 },
    end: isBroken
      ? { type: 'run.failed', error: 'RuntimeError: loss is nan', exit_code: 1, signal: null, reason: null, seq: 77 }
      : { type: 'run.finished', error: null, exit_code: null, signal: null, reason: null, seq: 900 },
    attempts: [
      {
        attempt: runId(901),
        number: 1,
        seq: 2,
        started_at: '2026-01-26T10:30:00Z',
        resumes: null,
        total_steps: 300,
        processes: 1,
        rows: 12,
        steps: { from: 10, to: 120 },
        is_behind_weights: true,
      },
      {
        attempt: runId(902),
        number: 2,
        seq: 40,
        started_at: '2026-01-26T12:10:00Z',
        resumes: { attempt: runId(901), step: 100 },
        total_steps: 300,
        processes: 1,
        rows: 20,
        steps: { from: 110, to: 300 },
        is_behind_weights: true,
      },
    ],
    checkpoints: [100, 200, 300].map((step, index) => ({
      attempt: runId(index === 0 ? 901 : 902),
      step,
      epoch: step / 100,
      path: `/storage/output/support-bot/checkpoint-${step}`,
      digest: step === 300 ? null : digest(step % 250),
      size_bytes: 167_800_000,
      eval_loss: [1.4, 1.21, 2.31][index],
      is_best: step === 200,
      seq: 60 + step,
    })),
    weights: { attempt: runId(902), step: 300 },
    summary: {
      initial_loss: 2.104,
      final_loss: item['final_loss'],
      best_eval_loss: 1.21,
      final_eval_loss: item['eval_loss'],
      best_checkpoint: 'checkpoint-200',
      rows: 32,
    },
    parameters: { learning_rate: 0.0002 },
    inputs: [
      material({
        kind: 'base_model',
        path: '/storage/models/llama-3-8b',
        digest: null,
        facts: { source: 'meta-llama/Meta-Llama-3-8B', revision: '5f0b02c75b57c5855da9ae460ce51323ea669d8a' },
        asserted: ['/revision'],
      }),
      material({
        kind: 'dataset',
        role: 'train',
        name: 'support-v2',
        path: '/storage/data/train_v2.1.0',
        digest: digest(17),
      }),
      material({
        kind: 'config',
        path: 'train.yaml',
        digest: digest(34),
        facts: {
          resolved_digest: digest(35),
          git: { commit: '7890abc7890abc7890abc7890abc7890abc78901', dirty: false },
        },
        seq: 5,
      }),
    ],
    outputs: [
      material({
        kind: 'weights',
        role: 'weights',
        path: '/storage/output/support-bot',
        digest: digest(51),
        files: [
          { path: 'adapter_model.safetensors', digest: digest(52), size_bytes: 167_772_160 },
          { path: 'adapter_config.json', digest: digest(53), size_bytes: 812 },
        ],
        seq: 890,
      }),
    ],
    environment: null,
    evaluations: [],
    verdict: item['overall'] === null ? null : { verdict_id: runId(950), overall: item['overall'], acceptance: null },
    model: item['overall'] === 'passed' ? { name: 'support-bot', version: 3, stage: 'Candidate', seq: 910 } : null,
    faults: isBroken
      ? [{ kind: 'event_after_end', message: 'A row came after the end of the run.', seq: 80, count: 2 }]
      : [],
    started_seq: 1,
  };
}

/** A falling loss, an eval_loss that turns at step 200, and for the broken run a loss that ends in what no number is. */
export function metricsAnswer(id: string): Json {
  const isBroken = id === RUNS.broken;
  const steps = Array.from({ length: isBroken ? 4 : 30 }, (_, index) => (index + 1) * 10);
  const loss = steps.map((step) => [step, isBroken && step > 20 ? 'NaN' : 2.1 * Math.exp(-step / 90) + 0.04]);
  const evalLoss = steps.filter((step) => step % 50 === 0).map((step) => [step, 1.2 + ((step - 200) / 150) ** 2]);
  const gradNorm = steps.map((step) => [step, isBroken && step > 20 ? 'Infinity' : 1 + Math.sin(step / 15) / 3]);
  const rate = steps.map((step) => [step, 2e-4 * (1 - step / 320)]);
  const series = (key: string, kind: string, points: unknown[], total = points.length) => ({
    key,
    kind,
    points,
    total,
    sampled: total > points.length,
    nonfinite: 0,
  });
  return {
    run_id: id,
    series: [
      series('eval_loss', 'eval', isBroken ? [[40, 'NaN']] : evalLoss),
      series('eval_runtime', 'eval', [[100, 12.5]]),
      series('grad_norm', 'train', gradNorm),
      series('learning_rate', 'train', rate),
      series('loss', 'train', loss, isBroken ? 4 : 84_300),
      series(
        'epoch',
        'train',
        steps.map((step) => [step, step / 100]),
      ),
      series('train_loss', 'summary', [[null, 1.397]]),
    ],
    omitted: [],
    diagnosis: isBroken
      ? {
          verdict: 'broken',
          since_step: 30,
          best_step: null,
          explanation: 'loss is NaN from step 30 on: this run teaches nothing.',
        }
      : {
          verdict: 'overfitting',
          since_step: 250,
          best_step: 200,
          explanation:
            'eval_loss was best at step 200 and rose for 2 evaluations while the loss kept falling: stop here.',
        },
  };
}

const gate = (id: string, name: string, change: Json): Json => ({
  id,
  name,
  severity: 'block',
  verdict: 'pass',
  shadow: false,
  explanation: '',
  inputs: [],
  baseline: null,
  ...change,
});

export function gatesAnswer(id: string): Json {
  if (id === RUNS.running) return { items: [], next_cursor: null };
  const verdict = {
    verdict_id: runId(950),
    run_id: id,
    seq: 905,
    overall: 'blocked',
    policy: { id: 'default', version: 0, hash: 'cd'.repeat(32) },
    engine: 'runseal-rules/0.1.0',
    position: 900,
    superseded_by: null,
    gates: [
      gate('G1', 'stability', { explanation: 'All 30 rows of 2 attempts are finite, and no loss is exactly 0.' }),
      gate('G2', 'convergence', {
        severity: 'warn',
        explanation: 'The median of the last 3 rows, 0.1235, is 7 % of that of the first 3, 1.76.',
        inputs: [{ name: 'median of the first 3 rows', value: 1.7612345678, seq: 12 }],
      }),
      gate('G3', 'generalization', {
        severity: 'warn',
        verdict: 'fail',
        explanation:
          'eval_loss 2.31 at step 300 is 18.7 times the mean loss of steps 251 to 300, 0.1235; the limit is 1.2.',
        inputs: [
          { name: 'eval_loss at step 300', value: 2.31, seq: 610 },
          { name: 'mean loss of steps 251 to 300', value: 0.1235, seq: null },
        ],
      }),
      gate('G4', 'baseline', {
        verdict: 'missing',
        severity: 'warn',
        explanation: 'No baseline is set for support-bot. Set one: runseal baseline set.',
        inputs: [{ name: 'baseline', value: null, seq: null }],
      }),
      gate('G5', 'task_quality', { severity: 'warn', verdict: 'skipped', explanation: 'The run declares no task.' }),
      gate('G6', 'audit_completeness', {
        verdict: 'missing',
        explanation: '2 of 31 facts are missing: reproducibility.seeds.data_seed, input_artifacts.dataset.version.',
        inputs: [{ name: '/reproducibility/seeds/data_seed', value: null, seq: null }],
      }),
    ],
  };
  return { items: [verdict, { ...verdict, verdict_id: runId(949), seq: 880 }], next_cursor: null };
}
