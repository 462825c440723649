import { readFileSync } from 'node:fs';
import { quoteNonFinite, readTrainerState } from './trainer-rows.js';

const demo = (name: string) =>
  readTrainerState(readFileSync(new URL(`../demo/${name}/trainer_state.json`, import.meta.url), 'utf8'));

describe('the reader of trainer_state.json', () => {
  it('turns bare NaN and Infinity into their strings and leaves texts alone', () => {
    expect(JSON.parse(quoteNonFinite('{"a": NaN, "b": [-Infinity, Infinity, 1], "c": "NaN \\" NaN"}'))).toEqual({
      a: 'NaN',
      b: ['-Infinity', 'Infinity', 1],
      c: 'NaN " NaN',
    });
  });

  it('tells rows of training, evaluation and summary apart, and counts within kind and step', () => {
    const history = [
      { loss: 2, grad_norm: NaN, step: 5, epoch: 0.5, train_runtime: 1 },
      { eval_loss: 3, step: 5, epoch: 0.5 },
      { eval_loss: 3.5, step: 5 },
      { train_loss: 2.5, train_runtime: 9, step: 5 },
      { note: 'nothing to measure', step: 5 },
    ];
    const text = JSON.stringify({ log_history: history }).replace('"grad_norm":null', '"grad_norm":NaN');
    expect(readTrainerState(text).rows).toEqual([
      { kind: 'train', step: 5, n: 0, at: null, epoch: 0.5, values: { loss: 2, grad_norm: 'NaN', train_runtime: 1 } },
      { kind: 'eval', step: 5, n: 0, at: null, epoch: 0.5, values: { eval_loss: 3 } },
      { kind: 'eval', step: 5, n: 1, at: null, epoch: null, values: { eval_loss: 3.5 } },
      { kind: 'summary', step: 5, n: 0, at: null, epoch: null, values: { train_loss: 2.5, train_runtime: 9 } },
    ]);
  });

  it('finds every row of the demo runs', () => {
    const count = (name: string, kind: string) => demo(name).rows.filter((row) => row.kind === kind).length;
    expect(['train', 'eval', 'summary'].map((kind) => count('healthy-lora', kind))).toEqual([68, 7, 1]);
    expect(['train', 'eval', 'summary'].map((kind) => count('overfit-full', kind))).toEqual([65, 16, 1]);
    expect(demo('overfit-full')).toMatchObject({ maxSteps: 320, lastStep: 320, epochsPlanned: 40, best: { step: 40 } });
  });

  it('refuses what is no JSON', () => {
    expect(() => readTrainerState('{"log_history": [')).toThrow(SyntaxError);
  });
});
