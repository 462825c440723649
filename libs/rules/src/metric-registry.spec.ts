import {
  canonicalMetric,
  definitionOf,
  directionOf,
  isNonFinite,
  metricRegistry,
  perplexityOf,
} from './metric-registry.js';

it.each([
  ['lr', 'train', 'learning_rate'],
  ['train_loss', 'train', 'loss'],
  // Reported once at the end, and wrong after a resume: another metric than the loss of a step.
  ['train_loss', 'summary', 'train_loss'],
  ['loss', 'eval', 'eval_loss'],
  ['eval/loss', 'train', 'eval_loss'],
  ['accuracy', 'eval', 'eval_accuracy'],
  ['eval_accuracy', 'eval', 'eval_accuracy'],
  ['eval_f1', 'eval', 'f1'],
  ['predict_rouge-l', 'summary', 'rouge-l'],
  ['rougeL', 'eval', 'rouge-l'],
  // Not every eval_ is an evaluation of something known: an evaluation's learning rate would be nonsense.
  ['eval_lr', 'eval', 'eval_lr'],
  ['rewards/chosen', 'train', 'rewards/chosen'],
  ['constructor', 'train', 'constructor'],
] as const)('%s in a row of kind %s is %s', (key, kind, name) => {
  expect(canonicalMetric(key, kind)).toBe(name);
});

it('knows which side is better, and does not know it of what is not registered', () => {
  expect(['eval_loss', 'perplexity', 'eval_accuracy', 'bleu', 'lr', 'constructor'].map(directionOf)).toEqual([
    ...['lower', 'lower', 'higher', 'higher'],
    ...[null, null],
  ]);
});

it('has each name and alias once', () => {
  const names = metricRegistry.flatMap(({ name, aliases }) => [name, ...aliases]);
  expect(new Set(names).size).toBe(names.length);
  expect(definitionOf('rouge1')?.name).toBe('rouge-1');
});

// exp(0) = 1; exp(ln 100) = 100, the document's limit; a double ends at exp(709.78), GATES.md at 709.
it.each([
  [0, 1],
  [Math.log(100), 100.00000000000004],
  [709, Math.exp(709)],
  [709.0001, 'Infinity'],
  ['Infinity', 'Infinity'],
  ['-Infinity', 0],
  ['NaN', 'NaN'],
] as const)('the perplexity of eval_loss %s is %s', (loss, perplexity) => {
  const found = perplexityOf(loss);
  if (typeof perplexity === 'number') expect(found).toBeCloseTo(perplexity, 9);
  else expect(found).toBe(perplexity);
});

it('tells numbers from the strings that stand for none', () => {
  expect([1e308, 0, 'NaN', 'Infinity', '-Infinity'].map((value) => isNonFinite(value as never))).toEqual([
    ...[false, false],
    ...[true, true, true],
  ]);
});
