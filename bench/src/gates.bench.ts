import { DEFAULT_POLICY, judge, type JudgeInput, type Rows } from '@runseal/gates';
import type { Bench } from './measure.js';

const ROWS = 100_000;
const EVALUATIONS = 200;
const LIMIT_MS = 100;
/** A single pass is too short for the clock. */
const PASSES = 5;

/** The rules alone, over rows that lie ready: every gate passes, so that none of them ends early. */
export const gatesBench: Bench = {
  name: 'gates',
  unit: 'ms',
  control: 'a plain loop over the rows',
  target: `< ${LIMIT_MS} ms (G1 to G6 over ${ROWS} rows)`,
  isMet: (value) => value < LIMIT_MS,
  prepare: async () => {
    const input = inputOf(rowsOf());
    const rows = input.attempts[0]?.rows as Rows;
    return {
      ours: async () =>
        millisecondsOf(() => {
          const { overall, gates } = judge(DEFAULT_POLICY, input);
          if (overall !== 'passed' || gates.length !== 6) throw new Error(`judged ${overall}, wanted passed`);
        }),
      control: async () =>
        millisecondsOf(() => {
          const found = countFinite(rows);
          if (found !== 2 * ROWS - EVALUATIONS) throw new Error(`counted ${found} values`);
        }),
      close: () => Promise.resolve(),
    };
  },
};

function millisecondsOf(pass: () => void): number {
  const started = performance.now();
  for (let passes = 0; passes < PASSES; passes += 1) pass();
  return (performance.now() - started) / PASSES;
}

/** What nobody who looks at every row can save. */
function countFinite({ loss, grad_norm, eval_loss }: Rows): number {
  let found = 0;
  for (let row = 0; row < loss.length; row += 1) {
    for (const value of [loss[row], grad_norm[row], eval_loss[row]]) {
      if (value !== null && Number.isFinite(value)) found += 1;
    }
  }
  return found;
}

/** A falling loss with an evaluation every 500 steps, the last one at the end. */
function rowsOf(): Rows {
  const every = ROWS / EVALUATIONS;
  const numbers = Array.from({ length: ROWS }, (_, row) => row + 1);
  const isEvaluation = (row: number) => row % every === 0;
  const lossAt = (row: number) => 1 + 2 * Math.exp(-row / 20_000) + 0.1 * Math.sin(row);
  return {
    kind: numbers.map((row) => (isEvaluation(row) ? 'eval' : 'train')),
    step: numbers,
    n: numbers.map(() => 0),
    seq: numbers.map((row) => Math.floor(row / 200)),
    loss: numbers.map((row) => (isEvaluation(row) ? null : lossAt(row))),
    grad_norm: numbers.map((row) => (isEvaluation(row) ? null : 1 + 0.5 * Math.cos(row))),
    eval_loss: numbers.map((row) => (isEvaluation(row) ? lossAt(row) : null)),
    others: {},
  };
}

function inputOf(rows: Rows): JudgeInput {
  const set = { kind: 'fixed', digest: `sha256:${'e'.repeat(64)}` } as const;
  const eval_loss = { value: 1.2, standard_error: null, set };
  const field = {
    field: 'dataset.hash',
    state: 'present',
    found: 'a hash',
    wanted: 'a hash',
    seq: 1,
    remedy: null,
  } as const;
  return {
    model: 'support',
    weights: { attempt: 'a', step: ROWS },
    attempts: [{ attempt: 'a', until: null, rows }],
    pruned: null,
    tensorsFinite: { value: true, seq: 1 },
    warmupSteps: { value: 1_000, seq: 1 },
    objective: { value: 'sft', seq: 1 },
    tasks: { value: ['qa'], seq: 1 },
    declaredRows: [],
    evaluationSet: set,
    taskMetrics: ['exact_match', 'f1'].map((name) => ({ name, value: 0.9, standard_error: null, set, seq: 1 })),
    references: { baseline: { seq: 1, words: 'the baseline', values: { eval_loss } } },
    audit: Array.from({ length: 30 }, () => field),
    overridden: [],
  };
}
