import fc from 'fast-check';
import type { JudgeInput, Rows } from './input.js';
import { judge } from './judge.js';
import { baselineOf, inputOf, present, rowsOf, verdictOf, type RowGiven } from './judge-input.fixture.js';
import { parsePolicy } from './policy/parse-policy.js';
import { overallOf } from './verdict.js';

const anyValue = fc.oneof(
  fc.double({ min: -10, max: 10, noNaN: true }),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE, -1),
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const anyRow: fc.Arbitrary<RowGiven> = fc
  .record({
    step: fc.oneof(fc.integer({ min: -3, max: 30 }), fc.constant(null)),
    loss: maybe(anyValue),
    grad_norm: maybe(anyValue),
    eval_loss: maybe(anyValue),
    margin: maybe(anyValue),
  })
  .map(({ margin, ...row }) => ({ ...row, ...(margin === undefined ? {} : { others: { margin } }) }) as RowGiven);
const sorted = (rows: readonly RowGiven[]) => [...rows].sort((a, b) => (a.step ?? 99) - (b.step ?? 99));
const anySet = fc.constantFrom(
  null,
  { kind: 'fixed', digest: 'sha256:eval' } as const,
  { kind: 'split', digest: 'sha256:other' } as const,
);

const anyInput: fc.Arbitrary<JudgeInput> = fc
  .record({
    rows: fc.array(anyRow, { maxLength: 25 }),
    until: fc.option(fc.integer({ min: 0, max: 30 })),
    step: fc.option(fc.integer({ min: -3, max: 30 })),
    baseline: maybe(anyValue),
    set: anySet,
    warmup: fc.option(fc.integer({ min: 0, max: 20 })),
    objective: fc.constantFrom('sft', 'dpo', null),
    tensors: fc.constantFrom(true, false, null),
    fields: fc.array(fc.constantFrom('present', 'missing', 'malformed', 'unregistered', 'incomplete'), {
      maxLength: 3,
    }),
    tasks: fc.constantFrom(null, ['qa'], ['nothing']),
    f1: maybe(anyValue),
  })
  .map((given) =>
    inputOf({
      attempts: given.rows.length === 0 ? [] : [{ attempt: 'a', until: given.until, rows: rowsOf(sorted(given.rows)) }],
      weights: given.step === null ? null : { attempt: 'a', step: given.step },
      references:
        given.baseline === undefined
          ? {}
          : { baseline: baselineOf({ eval_loss: given.baseline, margin: given.baseline }) },
      evaluationSet: given.set,
      warmupSteps: given.warmup === null ? null : { value: given.warmup, seq: 1 },
      objective: given.objective === null ? null : { value: given.objective, seq: 1 },
      tensorsFinite: given.tensors === null ? null : { value: given.tensors, seq: 1 },
      audit: given.fields.map((state) => ({ ...present, state })) as JudgeInput['audit'],
      tasks: given.tasks === null ? null : { value: given.tasks, seq: 1 },
      taskMetrics:
        given.f1 === undefined
          ? []
          : ['exact_match', 'f1'].map((name) => ({
              name,
              value: given.f1 as number,
              standard_error: null,
              set: null,
              seq: 5,
            })),
    }),
  );

const POLICY = `gates:
  - {id: G2, severity: block}
  - {id: G3, severity: block}
  - {id: G5, severity: block}
  - {id: fin, check: finite, severity: block, metrics: [margin]}
  - {id: up, check: trend, severity: block, metric: margin, direction: higher}
  - {id: cmp, check: compare, severity: block, metric: margin, direction: higher}
  - {id: expr, check: expression, severity: block, expression: 'eval_loss < 100 || true'}
`;
const policy = parsePolicy(POLICY).policy;

/** What a gate cannot do without, worked out from the raw rows. */
function lacksInput(id: string, input: JudgeInput): boolean {
  const rows = input.attempts[0]?.rows;
  const has = (column: readonly (number | null)[] | undefined) => column?.some((value) => value !== null) ?? false;
  const hasMargin = has(rows?.others['margin']);
  const baseline = input.references['baseline'];
  switch (id) {
    case 'G1':
      return !has(rows?.loss);
    case 'G2':
      return (rows?.loss.filter((loss) => loss !== null).length ?? 0) < 6;
    case 'G3':
      return !has(rows?.eval_loss) || !has(rows?.loss) || input.weights === null;
    case 'G4':
      return (
        !baseline || !has(rows?.eval_loss) || input.weights === null || input.evaluationSet?.digest !== 'sha256:eval'
      );
    case 'G5':
      return input.tasks !== null && (input.tasks.value[0] !== 'qa' || input.taskMetrics.length === 0);
    case 'G6':
      return input.audit.length === 0 || input.audit.some(({ state }) => state !== 'present');
    case 'cmp':
      return !baseline || !hasMargin;
    case 'expr':
      return !has(rows?.eval_loss) || input.weights === null;
    default:
      return !hasMargin;
  }
}

describe('whatever a run logs', () => {
  it('no gate passes that lacks its input, and a blocking one then blocks', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const { gates, overall } = judge(policy, input);
        for (const { id, verdict, severity } of gates) {
          if (!lacksInput(id, input)) continue;
          expect(verdict).not.toBe('pass');
          if (severity === 'block' && verdict !== 'skipped') expect(overall).toBe('blocked');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('no gate passes over a row that is not finite where it reads it', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const rows = input.attempts[0]?.rows as Rows | undefined;
        const bad = ['loss', 'grad_norm', 'eval_loss'] as const;
        const isPoisoned = bad.some((metric) =>
          rows?.[metric].some((value) => value !== null && !Number.isFinite(value)),
        );
        if (isPoisoned) expect(verdictOf('G1', input).verdict).toBe('fail');
      }),
      { numRuns: 200 },
    );
  });

  it('every verdict is one, never an exception, and the same for the same input', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const judgement = judge(policy, input);
        expect(judge(policy, structuredClone(input))).toEqual(judgement);
        expect(judgement.overall).toBe(overallOf(judgement.gates));
        for (const { explanation, inputs } of judgement.gates) {
          expect(explanation.length).toBeGreaterThan(10);
          for (const { value } of inputs) expect(typeof value === 'number' ? Number.isFinite(value) : true).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('making a metric worse never turns fail into pass', () => {
  const value = fc.double({ min: -5, max: 5, noNaN: true });
  const worsening = fc.double({ min: 0, max: 5, noNaN: true });

  const evaluatedAt = (evalLoss: number, change: Partial<JudgeInput> = {}): JudgeInput =>
    inputOf({
      attempts: [
        {
          attempt: 'a',
          until: null,
          rows: rowsOf([
            { step: 50, loss: 1.5, grad_norm: 1 },
            { step: 100, eval_loss: evalLoss },
          ]),
        },
      ],
      ...change,
    });
  const neverBetter = (before: string, after: string) => expect(before !== 'pass' && after === 'pass').toBe(false);

  it('eval_loss, lower is better, in G3 and G4, by any finite or infinite amount', () => {
    const up = fc.oneof(worsening, fc.constant(Infinity));
    fc.assert(
      fc.property(value, up, value, fc.constantFrom('sft', 'dpo'), (evalLoss, more, baseline, objective) => {
        const change = {
          references: { baseline: baselineOf({ eval_loss: baseline }) },
          objective: { value: objective, seq: 1 },
        };
        for (const id of ['G3', 'G4']) {
          neverBetter(
            verdictOf(id, evaluatedAt(evalLoss, change)).verdict,
            verdictOf(id, evaluatedAt(evalLoss + more, change)).verdict,
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  it('a metric of which more is better, in G4', () => {
    const down = fc.oneof(worsening, fc.constant(Infinity));
    const judged = (accuracy: number, baseline: number) =>
      verdictOf(
        'G4',
        inputOf({
          attempts: [
            {
              attempt: 'a',
              until: null,
              rows: rowsOf([{ step: 100, kind: 'eval', others: { eval_accuracy: accuracy } }]),
            },
          ],
          references: { baseline: baselineOf({ eval_accuracy: baseline }) },
        }),
        'gates: [{id: G4, metric: eval_accuracy}]',
      ).verdict;
    fc.assert(
      fc.property(value, down, value, (accuracy, less, baseline) => {
        neverBetter(judged(accuracy, baseline), judged(accuracy - less, baseline));
      }),
      { numRuns: 200 },
    );
  });

  it('the last losses, in G2, and the last values of a metric of which more is better', () => {
    const six = fc.array(value, { minLength: 6, maxLength: 30 });
    fc.assert(
      fc.property(six, worsening, (losses, more) => {
        const judged = (values: readonly number[], sign: number) =>
          verdictOf(
            sign > 0 ? 'G2' : 'up',
            inputOf({
              attempts: [
                {
                  attempt: 'a',
                  until: null,
                  rows: rowsOf(
                    values.map((one, index) => ({
                      step: index,
                      loss: sign > 0 ? one : 1,
                      grad_norm: 1,
                      others: { margin: one },
                    })),
                  ),
                },
              ],
            }),
            POLICY,
          ).verdict;
        const half = Math.ceil(losses.length / 2);
        for (const sign of [1, -1]) {
          const worse = losses.map((loss, index) => (index >= half ? loss + sign * more : loss));
          neverBetter(judged(losses, sign), judged(worse, sign));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('a task metric, in G5', () => {
    fc.assert(
      fc.property(value, worsening, (score, less) => {
        const judged = (at: number) =>
          verdictOf(
            'G5',
            inputOf({
              tasks: { value: ['translation'], seq: 1 },
              taskMetrics: [{ name: 'bleu', value: at, standard_error: null, set: null, seq: 5 }],
            }),
          ).verdict;
        neverBetter(judged(score), judged(score - less));
      }),
    );
  });
});
