import { readResults, type Known } from './results.js';
import type { Row } from './row.js';

const train = (step: number, loss: number): Row => ({ kind: 'train', step, epoch: step / 10, values: { loss } });
const evaluation = (step: number, eval_loss: number, more: object = {}): Row => ({
  kind: 'eval',
  step,
  epoch: step / 10,
  values: { eval_loss, ...more },
});
const known: Known = {
  rows: [train(10, 3), evaluation(20, 2), train(30, 1)],
  lastStep: 30,
  lastEpoch: 3,
  elapsed_s: 24_486,
};
const all = { epoch: 3, eval_loss: 1.5, eval_runtime: 2, train_loss: 2, train_runtime: 24_486.7, total_flos: 1e17 };
const read = (files: Record<string, Record<string, unknown>>, more: Partial<Known> = {}) =>
  readResults(new Map(Object.entries(files)), { ...known, ...more });

describe('readResults', () => {
  it('takes summary and closing evaluation from all_results.json where the rows lack them', () => {
    const { summary, closing, stale } = read({ 'all_results.json': all });
    expect(summary?.values).toEqual({ train_loss: 2, train_runtime: 24_486.7, total_flos: 1e17 });
    expect(closing).toEqual({ kind: 'eval', step: 30, epoch: 3, values: { eval_loss: 1.5, eval_runtime: 2 } });
    expect(stale.size).toBe(0);
  });

  it('takes neither twice', () => {
    const summary: Row = { kind: 'summary', step: 30, epoch: 3, values: { train_loss: 2, train_runtime: 24_486.7 } };
    const rows = [...known.rows, summary, evaluation(30, 1.5, { eval_runtime: 2 })];
    expect(read({ 'all_results.json': all }, { rows })).toMatchObject({ summary: null, closing: null });
  });

  it('takes a second evaluation of the last step for a row of its own: it was measured again', () => {
    const rows = [...known.rows, evaluation(30, 1.5, { eval_runtime: 9 })];
    expect(read({ 'all_results.json': all }, { rows }).closing?.values['eval_runtime']).toBe(2);
  });

  it.each<[string, object, Partial<Known>, RegExp]>([
    ['another epoch', { ...all, epoch: 2 }, {}, /epoch 2, the last row of epoch 3/],
    ['another run time', { ...all, train_runtime: 100 }, {}, /train_runtime is 100 s, the rows took 24486 s/],
    ['an evaluation that no row comes near', all, { rows: [...known.rows, evaluation(30, 2)] }, /eval_loss is 1\.5/],
    [
      'another summary',
      all,
      { rows: [...known.rows, { kind: 'summary', step: 30, epoch: 3, values: { train_loss: 1 } }] },
      /train_loss is 2, the rows have 1/,
    ],
  ])('names a stale file and takes nothing from it: %s', (_, file, more, why) => {
    const { stale, summary, closing } = read({ 'all_results.json': file as typeof all }, more);
    expect(stale.get('all_results.json')).toMatch(why);
    expect({ summary, closing }).toEqual({ summary: null, closing: null });
  });

  it('names a union that differs from its parts', () => {
    const { stale, closing } = read({ 'all_results.json': all, 'eval_results.json': { epoch: 3, eval_loss: 1.9 } });
    expect(stale.get('all_results.json')).toMatch(/eval_loss is 1\.5, but 1\.9 in eval_results/);
    expect(closing?.values).toEqual({ eval_loss: 1.9 });
  });

  it('reads the metrics of predictions, and keeps NaN', () => {
    const { predicted } = read({
      'predict_results.json': { 'predict_rouge-1': 45.2, 'predict_bleu-4': 'NaN', predict_runtime: 3 },
    });
    expect(predicted).toEqual({ 'predict_rouge-1': 45.2, 'predict_bleu-4': 'NaN' });
  });
});
