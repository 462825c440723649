import { ExpressionError, parseExpression, type ExpressionValues } from './expression.js';

const values = (change: Partial<ExpressionValues> = {}): ExpressionValues => ({
  variables: { eval_loss: 1, train_loss: 2 },
  metric: {},
  baseline: {},
  ...change,
});
const evaluate = (text: string, change: Partial<ExpressionValues> = {}) =>
  parseExpression(text).evaluate(values(change));

function refusalOf(text: string): ExpressionError {
  try {
    parseExpression(text);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error(`${text} was taken.`);
}

describe('an expression', () => {
  it.each([
    ['eval_loss < train_loss * 1.2', true],
    ['eval_loss * 2 < 3', true],
    ['1 / 2 == 0.5', true],
    ['0x10 == 16', true],
    ['-3 < eval_loss && !(eval_loss > 5)', true],
    ['eval_loss > 1 ? false : true', true],
    ['isFinite(eval_loss) && abs(eval_loss - 3) == 2 && min(1, 2) == 1 && max(1, 2) == 2', true],
    ['[1, 2].all(limit, eval_loss < limit + 1) && [3].exists(x, x == 3)', true],
    ['1 in [1, 2]', true],
  ])('%s is %s', (text, expected) => expect(evaluate(text)).toBe(expected));

  it('compares NaN as IEEE does, so that no NaN passes a limit', () => {
    const variables = { eval_loss: NaN, train_loss: 1 };
    expect(evaluate('eval_loss < train_loss', { variables })).toBe(false);
    expect(evaluate('eval_loss >= train_loss', { variables })).toBe(false);
    expect(evaluate('isFinite(eval_loss)', { variables })).toBe(false);
  });

  it('says what it reads', () => {
    const { inputs } = parseExpression('eval_loss < 1 && metric["f1"] > baseline["f1"] && metric.mmlu > 0');
    expect(inputs).toEqual({ variables: ['eval_loss'], metrics: ['f1', 'mmlu'], baselines: ['f1'] });
  });

  it('reads members of its maps only, not those of their prototypes', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(parseExpression(`metric["${name}"] < 1`).inputs.metrics).toEqual([name]);
      expect(() => evaluate(`metric["${name}"] < 1`)).toThrow('No such key');
    }
  });

  it.each([
    ['an unknown variable', 'accuracy > 1', 0],
    ['another object', 'eval_loss.constructor == 1', 0],
    ['matches', '"aaaa".matches("(a+)+$")', 0],
    ['a text function', '"a".startsWith("a")', 0],
    ['a conversion', 'double("NaN") == 1', 0],
    ['has', 'has(metric.f1)', 0],
    ['a loop in a loop', '[1].all(x, [1].all(y, x < y))', 11],
    ['a loop over something else', 'metric.all(x, true)', 0],
    ['a text', 'eval_loss < "2"', 12],
    ['a computed key', 'metric[eval_loss] < 1', 0],
    ['an index', '[1, 2][0] < 1', 0],
    ['a map', '{"a": 1}.a < 1', 0],
    ['an unsigned number', '1u < 2', 0],
    ['a number for an answer', 'eval_loss', 0],
    ['an unfinished one', 'eval_loss <', 11],
    ['nothing', '', 0],
  ])('refuses %s', (_, text, at) => expect(refusalOf(text).at).toBe(at));

  it('refuses more than 200 nodes, deep nesting and long texts, in no time', () => {
    const started = performance.now();
    expect(refusalOf(`${'1 + '.repeat(150)}1 < eval_loss`)).toBeInstanceOf(ExpressionError);
    expect(refusalOf(`${'('.repeat(500)}1${')'.repeat(500)} < eval_loss`)).toBeInstanceOf(ExpressionError);
    expect(refusalOf(`eval_loss < 1${' '.repeat(10_000)}`).found).toBe('10013 characters');
    expect(refusalOf(`[${'1,'.repeat(150)}1].all(x, x < 2)`)).toBeInstanceOf(ExpressionError);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
