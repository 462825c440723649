import { runId, RUNS, type Json } from './recorded-answers.fixture.js';

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
