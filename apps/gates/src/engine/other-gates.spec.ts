import type { Reference } from './input.js';
import { attemptOf, baselineOf, inputOf, lossRows, present, verdictOf } from './judge-input.fixture.js';
import { inferiorityP } from './gates/noninferiority.js';
import { referencesOf } from './policy/policy.js';
import { parsePolicy } from './policy/parse-policy.js';

const margins = (values: readonly number[]) =>
  inputOf({
    attempts: [
      attemptOf(
        values.map((value, index) => ({ step: 10 * (index + 1), loss: 1, grad_norm: 1, others: { margin: value } })),
      ),
    ],
  });

describe('finite', () => {
  const policy = 'gates: [{id: x, check: finite, metrics: [margin, loss]}]';

  it('fails for one value that is not, and is missing where a metric is', () => {
    expect(verdictOf('x', margins([1, 2, 3]), policy).verdict).toBe('pass');
    expect(verdictOf('x', margins([1, Infinity, NaN]), policy)).toMatchObject({
      verdict: 'fail',
      explanation: 'margin is Infinity at step 20 (record 101), 2 such values in all.',
    });
    expect(verdictOf('x', inputOf(), policy)).toMatchObject({ verdict: 'missing', explanation: 'No row has margin.' });
  });
});

describe('trend', () => {
  const higher = 'gates: [{id: x, check: trend, metric: margin, direction: higher, improvement: 0.1}]';

  // Medians 1 and 1.1 or 1.11: wanted above 1.1.
  it('asks for the direction and the improvement that the policy names', () => {
    expect(verdictOf('x', margins([1, 1, 1, 1.11, 1.11, 1.11]), higher).verdict).toBe('pass');
    expect(verdictOf('x', margins([1, 1, 1, 1.1, 1.1, 1.1]), higher).verdict).toBe('fail');
    expect(verdictOf('x', margins([1, 1, 1, 2, NaN, 2]), higher).verdict).toBe('fail');
    expect(verdictOf('x', margins([1, 1, 1]), higher).verdict).toBe('missing');
    expect(verdictOf('x', inputOf(), higher).verdict).toBe('missing');
  });

  it('asks of negative values to come up by the share of their size', () => {
    expect(verdictOf('x', margins([-1, -1, -1, -0.89, -0.89, -0.89]), higher).verdict).toBe('pass');
    expect(verdictOf('x', margins([-1, -1, -1, -0.91, -0.91, -0.91]), higher).verdict).toBe('fail');
  });
});

describe('compare', () => {
  const policy = (to: string) => `gates: [{id: x, check: compare, metric: eval_loss, severity: block, to: ${to}}]`;
  const named = (words: string, eval_loss: number): Reference => ({ ...baselineOf({ eval_loss }), words });

  it('compares with what it refers to, and says so', () => {
    const references = {
      'version 3': named('version 3', 1.2),
      production: named('production', 1),
      'last 5 passed': named('last', 2),
    };
    const input = inputOf({ references });
    expect(verdictOf('x', input, policy('production')).verdict).toBe('fail');
    expect(verdictOf('x', input, policy('{version: 3}')).verdict).toBe('pass');
    expect(verdictOf('x', input, policy('{last_passed: 5}')).verdict).toBe('pass');
    expect(verdictOf('x', input, policy('production'))).toMatchObject({
      baseline: { metric: 'eval_loss', value: 1, seq: 50 },
    });
  });

  it('is missing and blocks where there is nothing to compare with', () => {
    for (const to of ['production', '{version: 4}', 'baseline']) {
      expect(verdictOf('x', inputOf({ references: {} }), policy(to))).toMatchObject({
        verdict: 'missing',
        severity: 'block',
      });
    }
  });

  it('knows everything that a policy refers to', () => {
    expect(referencesOf(parsePolicy(policy('{version: 3}')).policy)).toEqual(['baseline', { version: 3 }]);
  });

  it('reads perplexity from eval_loss', () => {
    // exp(1.25) = 3.4903
    const input = inputOf({ references: { baseline: baselineOf({ perplexity: 3.4 }) } });
    const verdict = verdictOf('x', input, 'gates: [{id: x, check: compare, metric: perplexity}]');
    expect(verdict.verdict).toBe('pass');
    expect(verdict.inputs[0]?.value).toBeCloseTo(3.4903, 4);
  });
});

describe('noninferiority', () => {
  // Standard normal: 1 - Phi(1.6448536) = 0.05, 1 - Phi(2) = 0.0227501, 1 - Phi(-1) = 0.8413447.
  it.each([
    [1.6448536, 0.05],
    [2, 0.0227501],
    [-1, 0.8413447],
    [0, 0.5],
  ])('takes the upper tail of z = %d for p', (z, p) => {
    expect(inferiorityP({ direction: 'higher', margin: 0 }, [z, 1], [0, 0])).toBeCloseTo(p, 6);
    expect(inferiorityP({ direction: 'lower', margin: 0 }, [-z, 0.6], [0, 0.8])).toBeCloseTo(p, 6);
  });

  it('gives no p below any level where a value is not finite', () => {
    for (const value of [NaN, Infinity, -Infinity]) {
      expect(inferiorityP({ direction: 'higher', margin: 1 }, [value, 1], [0, 1]) < 0.5).toBe(false);
      expect(inferiorityP({ direction: 'lower', margin: 1 }, [0, 1], [value, 1]) < 0.5).toBe(false);
    }
  });

  it('lets the difference decide where there is no error at all', () => {
    expect(inferiorityP({ direction: 'higher', margin: 0.1 }, [0.95, 0], [1, 0])).toBe(0);
    expect(inferiorityP({ direction: 'higher', margin: 0.1 }, [0.85, 0], [1, 0])).toBe(1);
  });

  it('is missing without both standard errors', () => {
    const set = { kind: 'fixed', digest: 'sha256:eval' } as const;
    const policy = 'gates: [{id: x, check: noninferiority, metric: f1, margin: 0.05}]';
    const judged = (own: number | null, other: number | null) =>
      verdictOf(
        'x',
        inputOf({
          taskMetrics: [{ name: 'f1', value: 0.8, standard_error: own, set, seq: 9 }],
          references: { baseline: baselineOf({ f1: 0.8 }, { standard_error: other }) },
        }),
        policy,
      ).verdict;
    expect([judged(0.01, 0.01), judged(0.05, 0.05), judged(null, 0.01), judged(0.01, null)]).toEqual([
      'pass',
      'fail',
      'missing',
      'missing',
    ]);
  });
});

describe('complete', () => {
  const policy = (name: string) => `gates: [{id: x, check: complete, fields: [${name}]}]`;

  it('looks at a field and all below it', () => {
    const audit = [present, { ...present, field: 'reproducibility.seeds.seed', state: 'missing' as const }];
    expect(verdictOf('x', inputOf({ audit }), policy('input_artifacts.config')).verdict).toBe('pass');
    expect(verdictOf('x', inputOf({ audit }), policy('reproducibility')).verdict).toBe('missing');
    expect(verdictOf('x', inputOf({ audit }), policy('input_artifacts.con')).verdict).toBe('error');
  });
});

describe('expression', () => {
  const policy = (expression: string) =>
    `gates:\n  - {id: x, check: expression, severity: block, expression: '${expression}'}\n`;

  it('is judged with the values put in', () => {
    // The evaluation at 100 is the first: all ten losses count, mean 1.55.
    expect(verdictOf('x', inputOf(), policy('eval_loss < train_loss * 1.2 && final_step == 100'))).toMatchObject({
      verdict: 'pass',
      explanation:
        'eval_loss < train_loss * 1.2 && final_step == 100 is true with eval_loss = 1.25, train_loss = 1.55 and final_step = 100.',
    });
    expect(verdictOf('x', inputOf(), policy('initial_loss < final_loss')).verdict).toBe('fail');
    expect(
      verdictOf('x', inputOf(), policy('loss_rows == 10 && perplexity > 3 && baseline["eval_loss"] == eval_loss'))
        .verdict,
    ).toBe('pass');
  });

  it('is missing where a name that it reads has no value, whatever it would make of it', () => {
    expect(verdictOf('x', inputOf(), policy('true || metric["f1"] > 1'))).toMatchObject({
      verdict: 'missing',
      severity: 'block',
      explanation: 'true || metric["f1"] > 1: the run has no metric["f1"].',
    });
    const unevaluated = inputOf({ attempts: [attemptOf(lossRows([2, 1]))] });
    expect(verdictOf('x', unevaluated, policy('eval_loss < 9')).verdict).toBe('missing');
    expect(verdictOf('x', unevaluated, policy('train_loss < 9')).verdict).toBe('missing');
    expect(verdictOf('x', inputOf({ weights: null }), policy('final_step > 0')).verdict).toBe('missing');
  });
});
