import { attemptOf, baselineOf, inputOf, lossRows, judged, present, verdictOf } from './judge-input.fixture.js';
import type { JudgeInput } from './input.js';
import { judgeUnreadable } from './judge.js';

const overallOf = (input: JudgeInput, policy?: string) => judged(input, policy).overall;

/** The sound run with other losses; the evaluation stays at the last of them. */
const withLosses = (losses: readonly number[], more: Partial<JudgeInput> = {}): JudgeInput => {
  const step = 10 * losses.length;
  return inputOf({
    weights: { attempt: 'a', step },
    attempts: [attemptOf([...lossRows(losses), { step, eval_loss: 1.25 }])],
    ...more,
  });
};

describe('a sound run', () => {
  it('passes every gate', () => {
    expect(overallOf(inputOf())).toBe('passed');
  });
});

describe('G1 stability', () => {
  it.each([
    ['a loss that is NaN', { step: 50, loss: NaN, grad_norm: 1 }],
    ['a loss that is infinite', { step: 50, loss: Infinity, grad_norm: 1 }],
    ['a grad_norm that is NaN', { step: 50, loss: 1, grad_norm: NaN }],
    ['an eval_loss that is NaN', { step: 50, eval_loss: NaN }],
    ['a loss of exactly 0 without a grad_norm', { step: 50, loss: 0 }],
    ['a loss of exactly 0 with a grad_norm of NaN', { step: 50, loss: 0, grad_norm: NaN }],
    ['a loss of exactly 0 with a grad_norm of 0', { step: 50, loss: 0, grad_norm: 0 }],
    ['a loss of minus 0', { step: 50, loss: -0 }],
  ])('fails for one row with %s', (_, row) => {
    const input = inputOf();
    const rows = [...lossRows([2, 1.9, 1.8, 1.7]), row, ...lossRows([2, 2, 2, 2, 2, 1.5, 1.4, 1.3, 1.2, 1.1]).slice(5)];
    const attempts = [attemptOf([...rows, { step: 100, eval_loss: 1.25 }])];
    const { verdict, explanation } = verdictOf('G1', { ...input, attempts });
    expect([verdict, explanation]).toEqual(['fail', expect.stringContaining('at step 50')]);
  });

  it('takes a loss that an older trainer rounded to 0.0 beside a gradient', () => {
    const attempts = [attemptOf([...lossRows([2, 1, 0.5]), { step: 40, loss: 0, grad_norm: 0.0001 }])];
    expect(verdictOf('G1', inputOf({ attempts })).verdict).toBe('pass');
  });

  // After a jump at learning rate 1e9 the loss stands at ln(384) = 5.9506 and no value is NaN.
  it('fails for a dead model: three rows in a row with a grad_norm of exactly 0', () => {
    const dead = lossRows([5.99, 5.9506, 5.9506, 5.9506]).map((row, index) => ({
      ...row,
      grad_norm: index === 0 ? 3 : 0,
    }));
    expect(verdictOf('G1', inputOf({ attempts: [attemptOf(dead)] })).verdict).toBe('fail');
    const alive = dead.map((row, index) => (index === 2 ? { ...row, grad_norm: 0.1 } : row));
    expect(verdictOf('G1', inputOf({ attempts: [attemptOf(alive)] })).verdict).toBe('pass');
  });

  it('counts the rows that have a grad_norm, whatever lies between them', () => {
    const rows = [1, 2, 3, 4, 5].map((step) => ({ step, loss: 5.95, ...(step % 2 ? { grad_norm: 0 } : {}) }));
    expect(verdictOf('G1', inputOf({ attempts: [attemptOf(rows)] })).verdict).toBe('fail');
  });

  it('looks at all rows of every attempt behind the weights, those after the final checkpoint too', () => {
    const late = [...lossRows([2, 1.9, 1.8]), { step: 40, loss: NaN }];
    const attempts = [attemptOf(late, { until: 20 }), attemptOf(lossRows([1.8, 1.7]), { attempt: 'b' })];
    const { verdict, explanation } = verdictOf('G1', inputOf({ attempts, weights: { attempt: 'b', step: 20 } }));
    expect(verdict).toBe('fail');
    expect(explanation).toBe('loss is NaN at step 40 of attempt 1 of 2 (record 103).');
  });

  it('fails where the final tensors are not finite', () => {
    expect(verdictOf('G1', inputOf({ tensorsFinite: { value: false, seq: 9 } })).verdict).toBe('fail');
  });

  it('is missing without a loss row', () => {
    expect(verdictOf('G1', inputOf({ attempts: [attemptOf([{ step: 10, eval_loss: 1 }])] })).verdict).toBe('missing');
    expect(overallOf(inputOf({ attempts: [] }))).toBe('blocked');
  });

  it('names three values and counts the others', () => {
    const rows = lossRows(Array.from({ length: 60 }, () => NaN));
    const { explanation, inputs } = verdictOf('G1', inputOf({ attempts: [attemptOf(rows)] }));
    expect(explanation).toContain('and 57 more values like these');
    expect(inputs.find(({ name }) => name === 'refused values')?.value).toBe(60);
    expect(inputs.length).toBeLessThan(100);
  });
});

describe('G2 convergence', () => {
  // n = 10, w = max(3, ceil(1)) = 3: medians of (2, 1.9, 1.8) and (1.3, 1.2, 1.1), 1.2 / 1.9 = 0.632.
  it('passes where the last median is below 0.99 of the first', () => {
    const { verdict, explanation } = verdictOf('G2', inputOf());
    expect([verdict, explanation]).toEqual([
      'pass',
      'The median loss of the last 3 rows is 1.2, of the first 3 1.9 (ratio 0.6316); wanted below 1.881.',
    ]);
  });

  // 0.99 x 1 = 0.99 itself is not below it.
  it('fails at exactly 0.99 and passes just below', () => {
    expect(verdictOf('G2', withLosses([1, 1, 1, 0.99, 0.99, 0.99])).verdict).toBe('fail');
    expect(verdictOf('G2', withLosses([1, 1, 1, 0.98999, 0.98999, 0.98999])).verdict).toBe('pass');
  });

  // n = 31: w = max(3, ceil(3.1)) = 4. With w = 3 the last median would be 0.5, with 4 it is the mean of 0.5 and 1.5, 1.
  it('rounds the width of the windows up', () => {
    const losses = [...Array.from({ length: 27 }, () => 1), 1.5, 1.5, 0.5, 0.5];
    expect(verdictOf('G2', withLosses(losses)).inputs.find(({ name }) => name === 'rows a window')?.value).toBe(4);
    expect(verdictOf('G2', withLosses(losses)).verdict).toBe('fail');
  });

  it('is missing below 6 rows', () => {
    expect(verdictOf('G2', withLosses([5, 4, 3, 2, 1])).verdict).toBe('missing');
    expect(verdictOf('G2', withLosses([5, 4, 3, 2, 1, 0.5])).verdict).toBe('pass');
  });

  // Warm-up of 30 steps: the rows 10, 20, 30 go, six are left: medians 4 and 5.
  it('leaves the rows of the warm-up out', () => {
    const losses = [9, 9, 9, 4, 4, 4, 5, 5, 5];
    expect(verdictOf('G2', withLosses(losses)).verdict).toBe('pass');
    expect(verdictOf('G2', withLosses(losses, { warmupSteps: { value: 30, seq: 2 } })).verdict).toBe('fail');
    expect(verdictOf('G2', withLosses(losses, { warmupSteps: { value: 40, seq: 2 } })).verdict).toBe('missing');
  });

  it.each([
    ['an infinite first loss', [Infinity, 2, 2, 1, 1, 1]],
    ['a first loss of 0', [0, 2, 2, 1, 1, 1]],
    ['a last loss of 0', [2, 2, 2, 1, 1, 0]],
    ['a NaN among the last', [2, 2, 2, 1, NaN, 1]],
  ])('fails for %s, which stability refuses', (_, losses) => {
    const rows = losses.map((loss, index) => ({ step: 10 * (index + 1), loss }));
    const attempts = [attemptOf([...rows, { step: 60, eval_loss: 1 }])];
    expect(verdictOf('G2', inputOf({ attempts, weights: { attempt: 'a', step: 60 } })).verdict).toBe('fail');
  });

  // A poisoned run as trainers log it: the NaN is replaced before it is logged, and the ratio 0 would be the best of all.
  it('does not call a poisoned run converged', () => {
    const poisoned = [5.99, 5.85, 4.58, 0, 0, 0].map((loss, index) => ({
      step: index,
      loss,
      ...(index > 2 ? { grad_norm: NaN } : {}),
    }));
    const input = inputOf({ attempts: [attemptOf(poisoned)], weights: { attempt: 'a', step: 5 } });
    expect([verdictOf('G1', input).verdict, verdictOf('G2', input).verdict]).toEqual(['fail', 'fail']);
  });

  // A rounded-away loss with a gradient is allowed: median 0 before, so nothing is below 0.99 x 0.
  it('does not pass from a first median of 0', () => {
    const attempts = [attemptOf([0, 0, 0, 0, 0, 0].map((loss, index) => ({ step: index, loss, grad_norm: 0.1 })))];
    expect(verdictOf('G2', inputOf({ attempts, weights: { attempt: 'a', step: 5 } })).verdict).toBe('fail');
  });

  // Of negative losses 1 % better is lower: -1 to -1.005 is not, -1 to -1.02 is.
  it('asks of negative losses that they fall too', () => {
    expect(verdictOf('G2', withLosses([-1, -1, -1, -0.995, -0.995, -0.995])).verdict).toBe('fail');
    expect(verdictOf('G2', withLosses([-1, -1, -1, -1.005, -1.005, -1.005])).verdict).toBe('fail');
    expect(verdictOf('G2', withLosses([-1, -1, -1, -1.02, -1.02, -1.02])).verdict).toBe('pass');
  });

  it('follows the rows that led to the weights through a resumed run', () => {
    // The first attempt went on to 60 and diverged; the second resumed at 30.
    const first = attemptOf(lossRows([3, 2.9, 2.8, 9, 9, 9]), { until: 30 });
    const second = attemptOf(lossRows([0, 0, 0, 2, 1.9, 1.8]).slice(3), { attempt: 'b' });
    const { explanation } = verdictOf(
      'G2',
      inputOf({ attempts: [first, second], weights: { attempt: 'b', step: 60 } }),
    );
    expect(explanation).toMatch(/^The median loss of the last 3 rows is 1.9, of the first 3 2.9 /);
  });

  it('reads no row after the step of the final weights', () => {
    const input = withLosses([3, 3, 3, 2, 2, 2, 9, 9, 9]);
    expect(verdictOf('G2', input).verdict).toBe('fail');
    expect(verdictOf('G2', { ...input, weights: { attempt: 'a', step: 60 } }).verdict).toBe('pass');
  });

  it('counts a row that came twice once', () => {
    const rows = [5, 4, 3, 2, 1].flatMap((loss, index) => [
      { step: index, loss },
      { step: index, loss },
    ]);
    expect(verdictOf('G2', inputOf({ attempts: [attemptOf(rows)] })).verdict).toBe('missing');
  });
});

describe('G3 generalization', () => {
  /** Losses 1 at every 10 steps; evaluations as given. */
  const evaluated = (
    evaluations: readonly { step: number; eval_loss: number; n?: number }[],
    more: Partial<JudgeInput> = {},
  ) => {
    const rows = [...lossRows(Array.from({ length: 10 }, () => 1)), ...evaluations].sort(
      (a, b) => (a.step ?? 0) - (b.step ?? 0),
    );
    return inputOf({ attempts: [attemptOf(rows)], ...more });
  };

  it('passes below 1.2 times the mean loss, and not at it', () => {
    expect(verdictOf('G3', evaluated([{ step: 100, eval_loss: 1.19 }])).verdict).toBe('pass');
    expect(verdictOf('G3', evaluated([{ step: 100, eval_loss: 1.2 }])).verdict).toBe('fail');
    expect(verdictOf('G3', evaluated([{ step: 100, eval_loss: 1.2 }]), 'gates: [{id: G3, ratio: 1.5}]').verdict).toBe(
      'pass',
    );
  });

  // Rows of the steps in (60, 100] alone: (2 + 2 + 2 + 2) / 4 = 2; 2.2 / 2 = 1.1. Over all rows it would be 2.2 / 1.4 = 1.57.
  it('holds it against the rows since the evaluation before', () => {
    const rows = [
      ...lossRows([1, 1, 1, 1, 1, 1, 2, 2, 2, 2]),
      { step: 60, eval_loss: 1 },
      { step: 100, eval_loss: 2.2 },
    ];
    const sorted = rows.sort((a, b) => (a.step ?? 0) - (b.step ?? 0));
    const { verdict, explanation } = verdictOf('G3', inputOf({ attempts: [attemptOf(sorted)] }));
    expect([verdict, explanation]).toEqual([
      'pass',
      'eval_loss 2.2 at step 100 is 1.1 times the mean loss 2 of 4 rows of the steps in (60, 100]; wanted below 1.2.',
    ]);
  });

  it('judges the evaluation of the final weights, not the last one', () => {
    const input = evaluated([
      { step: 60, eval_loss: 1.1 },
      { step: 100, eval_loss: 9 },
    ]);
    expect(verdictOf('G3', { ...input, weights: { attempt: 'a', step: 60 } }).verdict).toBe('pass');
    expect(verdictOf('G3', input).verdict).toBe('fail');
  });

  // The closing evaluation is of the best weights, loaded after the end, and carries the last step's number.
  it('takes the first row at the step, and the row that run.evaluated declares', () => {
    const both = evaluated([
      { step: 100, eval_loss: 1.1, n: 0 },
      { step: 100, eval_loss: 9, n: 1 },
    ]);
    expect(verdictOf('G3', both).verdict).toBe('pass');
    const declared = (n: number, isFinal: boolean) => ({ attempt: 'a', kind: 'eval', step: 100, n, isFinal }) as const;
    expect(verdictOf('G3', { ...both, declaredRows: [declared(0, false), declared(1, true)] }).verdict).toBe('fail');
    const best = { ...evaluated([{ step: 100, eval_loss: 1.1 }]), weights: { attempt: 'a', step: 55 } };
    expect(verdictOf('G3', best).verdict).toBe('missing');
    expect(verdictOf('G3', { ...best, declaredRows: [declared(0, true)] }).verdict).toBe('pass');
  });

  it('fails for an eval_loss that is not finite, either infinity', () => {
    for (const eval_loss of [NaN, Infinity, -Infinity]) {
      expect(verdictOf('G3', evaluated([{ step: 100, eval_loss }])).verdict).toBe('fail');
    }
  });

  it('does not pass on an infinite mean loss, which would make the ratio 0', () => {
    const attempts = [attemptOf([...lossRows([1, Infinity]), { step: 20, eval_loss: 5 }])];
    expect(verdictOf('G3', inputOf({ attempts, weights: { attempt: 'a', step: 20 } })).verdict).toBe('fail');
  });

  it('is missing without an evaluation at that step, a loss row in its interval, or known weights', () => {
    expect(verdictOf('G3', evaluated([{ step: 90, eval_loss: 1 }])).verdict).toBe('missing');
    const noRows = [
      attemptOf([
        { step: 90, eval_loss: 1 },
        { step: 100, eval_loss: 1 },
      ]),
    ];
    expect(verdictOf('G3', inputOf({ attempts: noRows })).verdict).toBe('missing');
    expect(verdictOf('G3', evaluated([{ step: 100, eval_loss: 1 }], { weights: null })).verdict).toBe('missing');
    expect(overallOf(inputOf({ attempts: [attemptOf(lossRows([6, 5, 4, 3, 2, 1]))], references: {} }))).toBe(
      'warnings',
    );
  });

  it('takes the difference where the objective’s loss can come near 0', () => {
    for (const value of ['dpo', 'kto', 'orpo', 'rm', 'grpo']) {
      const objective = { value, seq: 1 };
      const near0 = [attemptOf([...lossRows([0.1, 0.1]), { step: 20, eval_loss: 0.4 }])];
      const input = inputOf({ attempts: near0, weights: { attempt: 'a', step: 20 }, objective });
      // 0.4 - 0.1 is 0.30000000000000004 as a double: above 0.3 by rounding only.
      expect(verdictOf('G3', input).verdict).toBe('fail');
      const below = [attemptOf([...lossRows([0.1, 0.1]), { step: 20, eval_loss: 0.39 }])];
      expect(verdictOf('G3', { ...input, attempts: below }).verdict).toBe('pass');
    }
  });
});

describe('G4 baseline', () => {
  const against = (value: number, baseline: number, policy = 'gates: []') => {
    const input = inputOf({ references: { baseline: baselineOf({ eval_loss: baseline }) } });
    const attempts = [attemptOf([...lossRows([1]), { step: 100, eval_loss: value }])];
    return verdictOf('G4', { ...input, attempts }, policy);
  };
  const accuracy = (value: number, baseline: number) => {
    const attempts = [attemptOf([{ step: 100, kind: 'eval', others: { eval_accuracy: value } }])];
    const references = { baseline: baselineOf({ eval_accuracy: baseline }) };
    return verdictOf('G4', inputOf({ attempts, references }), 'gates: [{id: G4, metric: eval_accuracy}]').verdict;
  };

  // The document's code passes twice the loss and blocks one that is 10 % better.
  it('blocks a model twice as bad and takes one that is 10 % better', () => {
    expect(against(0.76, 0.38).verdict).toBe('fail');
    expect(against(0.342, 0.38).verdict).toBe('pass');
  });

  // 0.48 / 0.95 = 0.50526...
  it('allows a lower-is-better metric up to baseline / 0.95', () => {
    expect(against(0.5052, 0.48).verdict).toBe('pass');
    expect(against(0.5053, 0.48).verdict).toBe('fail');
    expect(against(0.5053, 0.48).explanation).toBe(
      'eval_loss 0.5053 at step 100, the baseline of support 0.48; lower is better, wanted at most 0.50526 (5 % or 0.001 worse).',
    );
  });

  it('allows a higher-is-better metric down to 0.95 x baseline', () => {
    expect([accuracy(0.76, 0.8), accuracy(0.7599, 0.8), accuracy(0.9, 0.8)]).toEqual(['pass', 'fail', 'pass']);
  });

  it('allows near 0 what no share of it would', () => {
    expect(against(0.0009, 0).verdict).toBe('pass');
    expect(against(0.0011, 0).verdict).toBe('fail');
    expect(against(0.009, 0, 'gates: [{id: G4, absolute: 0.01}]').verdict).toBe('pass');
  });

  it('passes an equal value, of whatever sign', () => {
    for (const value of [-3, -0.5, 0, 0.5, 3]) {
      expect(against(value, value).verdict).toBe('pass');
      expect(accuracy(value, value)).toBe('pass');
    }
  });

  it('is missing and warns, with the command that sets one, until a baseline is set', () => {
    const verdict = verdictOf('G4', inputOf({ references: {} }));
    expect(verdict).toMatchObject({ verdict: 'missing', severity: 'warn' });
    expect(verdict.explanation).toContain('runseal baseline set --model support --run');
    expect(overallOf(inputOf({ references: {} }))).toBe('warnings');
  });

  it('blocks where a baseline is set and the metric is absent, here or there', () => {
    const withoutEvaluation = inputOf({ attempts: [attemptOf(lossRows([6, 5, 4, 3, 2, 1]))] });
    expect(verdictOf('G4', withoutEvaluation)).toMatchObject({ verdict: 'missing', severity: 'block' });
    const other = inputOf({ references: { baseline: baselineOf({ eval_accuracy: 1 }) } });
    expect(verdictOf('G4', other)).toMatchObject({ verdict: 'missing', severity: 'block' });
    expect(overallOf(other)).toBe('blocked');
  });

  it('blocks for another fixed evaluation set, and for one that is not known', () => {
    const input = inputOf();
    const fixed = { kind: 'fixed', digest: 'sha256:other' } as const;
    const split = { kind: 'split', digest: 'sha256:other' } as const;
    for (const evaluationSet of [fixed, split, null]) {
      expect(verdictOf('G4', { ...input, evaluationSet })).toMatchObject({ verdict: 'missing', severity: 'block' });
    }
    const unknown = { baseline: baselineOf({ eval_loss: 1.25 }, { set: null }) };
    expect(verdictOf('G4', inputOf({ references: unknown }))).toMatchObject({ verdict: 'missing', severity: 'block' });
  });

  it('warns for another held-out split, and advises a fixed set', () => {
    const references = { baseline: baselineOf({ eval_loss: 1.25 }, { set: { kind: 'split', digest: 'sha256:a' } }) };
    const input = inputOf({ references, evaluationSet: { kind: 'split', digest: 'sha256:b' } });
    const verdict = verdictOf('G4', input);
    expect(verdict).toMatchObject({ verdict: 'missing', severity: 'warn' });
    expect(verdict.explanation).toContain('Use a fixed eval_dataset');
    expect(verdictOf('G4', { ...input, evaluationSet: { kind: 'split', digest: 'sha256:a' } }).verdict).toBe('pass');
  });

  it('fails for a value that is not finite, and cannot judge against such a baseline', () => {
    for (const value of [NaN, Infinity, -Infinity]) expect(against(value, 1).verdict).toBe('fail');
    for (const baseline of [NaN, Infinity, -Infinity]) expect(against(1, baseline).verdict).toBe('error');
  });

  it('shows as many digits as it takes to see why', () => {
    expect(against(0.4 / 0.95 + 1e-12, 0.4).explanation).toContain('eval_loss 0.42105263158 at');
  });
});

describe('G5 task quality', () => {
  const tasks = (...value: string[]) => ({ value, seq: 1 });
  const metric = (name: string, value: number, more = {}) => ({
    name,
    value,
    standard_error: null,
    set: null,
    seq: 70,
    ...more,
  });
  const judgedG5 = (change: Partial<JudgeInput>, policy?: string) => verdictOf('G5', inputOf(change), policy);

  it('is skipped where the run declares no task', () => {
    expect(judgedG5({}).verdict).toBe('skipped');
    expect(judgedG5({ tasks: tasks() }).verdict).toBe('skipped');
  });

  it.each([
    [
      'qa',
      [
        ['exact_match', 0.8],
        ['f1', 0.8],
      ],
    ],
    [
      'summarization',
      [
        ['rouge-1', 0.3],
        ['rouge-l', 0.3],
      ],
    ],
    ['translation', [['bleu', 0.3]]],
    ['chat', [['human_score', 3.5]]],
  ] as [string, [string, number][]][])('wants every metric of %s above its threshold', (task, limits) => {
    const at = (factor: number) => limits.map(([name, limit]) => metric(name, limit * factor));
    expect(judgedG5({ tasks: tasks(task), taskMetrics: at(1.01) }).verdict).toBe('pass');
    expect(judgedG5({ tasks: tasks(task), taskMetrics: at(1) }).verdict).toBe('fail');
    expect(judgedG5({ tasks: tasks(task), taskMetrics: at(1.01).slice(1) }).verdict).toBe('missing');
  });

  it('fails where one metric fails and another is absent', () => {
    const { verdict, explanation } = judgedG5({ tasks: tasks('qa'), taskMetrics: [metric('f1', 0.5)] });
    expect(verdict).toBe('fail');
    expect(explanation).toBe(
      'qa wants exact_match, which was not evaluated on the final weights and f1 is 0.5, wanted above 0.8 (qa).',
    );
  });

  it('wants MMLU above the baseline, on the same set', () => {
    const set = { kind: 'fixed', digest: 'sha256:eval' } as const;
    const references = { baseline: baselineOf({ mmlu: 0.6 }) };
    const general = (value: number, more = {}) =>
      judgedG5({ tasks: tasks('general'), references, taskMetrics: [metric('mmlu', value, { set, ...more })] }).verdict;
    expect([general(0.61), general(0.6), general(0.61, { set: null })]).toEqual(['pass', 'fail', 'missing']);
    expect(
      judgedG5({ tasks: tasks('general'), references: {}, taskMetrics: [metric('mmlu', 0.9, { set })] }).verdict,
    ).toBe('missing');
  });

  it('cannot judge a task that the policy does not know', () => {
    expect(judgedG5({ tasks: tasks('poetry') }).verdict).toBe('error');
    const policy = 'gates: [{id: G5, tasks: {poetry: [{metric: rhyme, above: 0.5}]}}]';
    expect(judgedG5({ tasks: tasks('poetry'), taskMetrics: [metric('rhyme', 0.6)] }, policy).verdict).toBe('pass');
  });

  it('takes the newest of several evaluations', () => {
    const taskMetrics = [metric('bleu', 0.5), metric('bleu', 0.1, { seq: 71 })];
    expect(judgedG5({ tasks: tasks('translation'), taskMetrics }).verdict).toBe('fail');
  });

  // z = (0.60 - 0.61 + 0.05) / sqrt(0.01² + 0.01²) = 2.83: p = 0.0023. With errors of 0.03, z = 0.943: p = 0.173.
  it('takes a metric that is not inferior by its standard error', () => {
    const set = { kind: 'fixed', digest: 'sha256:eval' } as const;
    const policy = 'gates: [{id: G5, tasks: {general: [{metric: mmlu, noninferior: {margin: 0.05}}]}}]';
    const general = (standard_error: number | null) =>
      judgedG5(
        {
          tasks: tasks('general'),
          references: { baseline: baselineOf({ mmlu: 0.61 }, { standard_error }) },
          taskMetrics: [metric('mmlu', 0.6, { set, standard_error })],
        },
        policy,
      ).verdict;
    expect([general(0.01), general(0.03), general(null)]).toEqual(['pass', 'fail', 'missing']);
  });
});

describe('G6 audit completeness', () => {
  const gap = (state: 'missing' | 'malformed' | 'unregistered' | 'incomplete') => ({
    ...present,
    state,
    found: 'main',
  });

  it('is missing where a field is, and fails where one is wrong', () => {
    expect(verdictOf('G6', inputOf({ audit: [present, gap('missing')] })).verdict).toBe('missing');
    for (const state of ['malformed', 'unregistered', 'incomplete'] as const) {
      expect(verdictOf('G6', inputOf({ audit: [gap('missing'), gap(state)] })).verdict).toBe('fail');
    }
  });

  it('says of each field what is there and what is wanted', () => {
    const field = 'input_artifacts.base_model.revision';
    const audit = [{ ...gap('malformed'), field, remedy: 'Record the commit.' }];
    expect(verdictOf('G6', inputOf({ audit })).explanation).toBe(
      '1 of 1 field is not complete: input_artifacts.base_model.revision is malformed, found main, wanted 40 hex digits ' +
        '(Record the commit).',
    );
  });

  it('does not pass where nothing was looked at', () => {
    expect(verdictOf('G6', inputOf({ audit: [] })).verdict).toBe('missing');
    expect(overallOf(inputOf({ audit: [] }))).toBe('blocked');
  });
});

describe('the overall verdict', () => {
  it('says missing (pruned) of gates whose rows are gone, and blocks', () => {
    const input = inputOf({ pruned: { records: 2, first_seq: 7 } });
    const { verdict, explanation } = verdictOf('G1', input);
    expect([verdict, explanation]).toEqual(['missing', expect.stringContaining('Missing (pruned)')]);
    expect(overallOf(input)).toBe('blocked');
  });

  it('shows a shadow gate and does not count it', () => {
    const worse = inputOf({ references: { baseline: baselineOf({ eval_loss: 0.1 }) } });
    expect(overallOf(worse)).toBe('blocked');
    expect(overallOf(worse, 'gates: [{id: G4, shadow: true}]')).toBe('passed');
    expect(verdictOf('G4', worse, 'gates: [{id: G4, shadow: true}]')).toMatchObject({ verdict: 'fail', shadow: true });
  });

  it('goes by the severity that the policy gives', () => {
    const worse = inputOf({ references: { baseline: baselineOf({ eval_loss: 0.1 }) } });
    expect(overallOf(worse, 'gates: [{id: G4, severity: warn}]')).toBe('warnings');
    expect(overallOf(worse, 'gates: [{id: G4, severity: info}]')).toBe('passed');
  });

  it('is overridden where every gate that blocks was, and never passed', () => {
    const worse = inputOf({
      references: { baseline: baselineOf({ eval_loss: 0.1 }) },
      tensorsFinite: { value: false, seq: 1 },
    });
    expect(overallOf({ ...worse, overridden: ['G4'] })).toBe('blocked');
    expect(overallOf({ ...worse, overridden: ['G4', 'G1'] })).toBe('overridden');
    expect(overallOf(inputOf({ overridden: ['G4'] }))).toBe('passed');
  });

  it('keeps texts that JSON can say', () => {
    const broken = { ...present, state: 'malformed' as const, found: 'a\ud83d' };
    expect(verdictOf('G6', inputOf({ audit: [broken] })).explanation.isWellFormed()).toBe(true);
  });

  it('is blocked by a policy that cannot be read', () => {
    const { overall: found, gates } = judgeUnreadable();
    expect([found, new Set(gates.map(({ verdict }) => verdict))]).toEqual(['blocked', new Set(['error'])]);
  });

  it('says of a gate that is switched off that it is', () => {
    const off = verdictOf('G3', inputOf(), 'gates: [{id: G3, off: true}]');
    expect(off).toMatchObject({ verdict: 'skipped', explanation: 'The policy switches this gate off.' });
  });
});
