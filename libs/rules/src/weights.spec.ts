import { createHash } from 'node:crypto';
import { evolveRun, newRunFacts } from './evolve-run.js';
import { modelNameOf } from './model-name.js';
import type { RunEvent } from './run-event.js';
import { attemptsBehind, evaluationSetOf, splitText, weightsBehind, weightsOutput } from './weights.js';
import { ATTEMPT, RESUMED, blankInputs, digestOf, event, idOf } from './run.fixture.js';

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
const fold = (...events: RunEvent[]) => events.reduce(evolveRun, newRunFacts());
const began = (seq: number, id: string, resumes: object | null = null) =>
  event(seq, 'run.attempt-started', { resumes } as never, { id });
const finished = (seq: number, attempt: string | null, final_weights: object | null) =>
  event(seq, 'run.finished', { attempt, final_weights } as never);

describe('weights behind the result', () => {
  const start = event(0, 'run.started');
  const two = [start, began(1, ATTEMPT), began(2, RESUMED, { attempt: ATTEMPT, step: 200 })];

  it('come from the attempt that the ending names, and those that it went on from', () => {
    const facts = fold(...two, finished(3, RESUMED, { attempt: RESUMED, step: 300 }));
    expect(weightsBehind(facts)).toEqual({ attempt: RESUMED, step: 300, attempts: [ATTEMPT, RESUMED] });
  });

  it('are of the attempt before where they are of a step that the new one went on from', () => {
    const at = (step: number) => weightsBehind(fold(...two, finished(3, RESUMED, { attempt: null, step })));
    expect(at(200)).toEqual({ attempt: ATTEMPT, step: 200, attempts: [ATTEMPT] });
    expect(at(201)).toEqual({ attempt: RESUMED, step: 201, attempts: [ATTEMPT, RESUMED] });
  });

  it('leave out an attempt that began anew', () => {
    const facts = fold(start, began(1, ATTEMPT), began(2, RESUMED), finished(3, RESUMED, { attempt: null, step: 9 }));
    expect(weightsBehind(facts)?.attempts).toEqual([RESUMED]);
  });

  it('go back to the attempt before where one resumes without saying from which', () => {
    const resumed = began(2, RESUMED, { attempt: null, step: null });
    const facts = fold(start, began(1, ATTEMPT), resumed, finished(3, RESUMED, { attempt: null, step: 9 }));
    expect(weightsBehind(facts)?.attempts).toEqual([ATTEMPT, RESUMED]);
  });

  it.each([
    ['the run does not tell', [...two, finished(3, RESUMED, null)]],
    ['the run is running', two],
    ['the attempt is not known', [start, began(1, ATTEMPT), finished(3, ATTEMPT, { attempt: idOf(9), step: 1 })]],
    [
      'what it went on from is not known',
      [start, began(1, ATTEMPT, { attempt: idOf(9), step: 5 }), finished(3, ATTEMPT, { attempt: ATTEMPT, step: 9 })],
    ],
    [
      'attempts go on from one another',
      [
        ...[start, began(1, ATTEMPT, { attempt: RESUMED, step: 5 }), began(2, RESUMED, { attempt: ATTEMPT, step: 5 })],
        finished(3, RESUMED, { attempt: RESUMED, step: 9 }),
      ],
    ],
  ])('are unknown where %s', (_, events) => {
    expect(weightsBehind(fold(...events))).toBeNull();
  });

  it('fall back to the newest attempt for the curves of a run that goes on', () => {
    expect(attemptsBehind(fold(...two))).toEqual([ATTEMPT, RESUMED]);
    expect(attemptsBehind(newRunFacts())).toEqual([]);
  });
});

describe('the evaluation set', () => {
  const split = { training_digest: digestOf('a'), val_size: 0.1, seed: 42, max_samples: null, template: 'llama3' };
  // The identity by hand: members by name, no blanks, after the tag and a line feed.
  const text = `runseal.split.v1\n{"max_samples":null,"seed":42,"template":"llama3","training_digest":"${split.training_digest}","val_size":0.1}`;
  const identity = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const row = { attempt: ATTEMPT, kind: 'eval', step: 300, n: 0 };
  const evaluated = (seq: number, set: object, rest: object = { row }) =>
    event(seq, 'run.evaluated', {
      set: { kind: 'split', name: null, version: null, digest: null, split: null, samples: null, ...set },
      ...rest,
    } as never);

  it('is a split with the digest of what determines it', () => {
    expect(splitText(split)).toBe(text);
    expect(evaluationSetOf(fold(evaluated(1, { split })), sha256)).toEqual({ kind: 'split', digest: identity, seq: 1 });
  });

  it('is the same split where only the parameters tell of it', () => {
    const facts = fold(
      event(1, 'run.input-recorded', { kind: 'dataset', ...blankInputs.dataset, digest: digestOf('a') } as never),
      event(2, 'run.parameters-recorded', { parameters: { val_size: 0.1, seed: 42, template: 'llama3' } }),
    );
    expect(evaluationSetOf(facts, sha256)).toEqual({ kind: 'split', digest: identity, seq: 2 });
  });

  it('has no identity while the data that it is split off is not hashed', () => {
    const unknown = { split: { ...split, training_digest: null }, digest: digestOf('f') };
    expect(evaluationSetOf(fold(evaluated(1, unknown)), sha256)).toBeNull();
  });

  it('is the one that the final weights were evaluated on, not the last one that was used', () => {
    const weights = (step: number) => ({ row, weights: { attempt: null, step, digest: null } });
    const facts = fold(
      ...[event(0, 'run.started'), began(1, ATTEMPT)],
      evaluated(2, { kind: 'fixed', digest: digestOf('b') }, weights(300)),
      evaluated(3, { kind: 'fixed', digest: digestOf('c') }, weights(100)),
      evaluated(4, { kind: 'fixed', digest: digestOf('d') }, { row: null }),
      finished(5, ATTEMPT, { attempt: ATTEMPT, step: 300 }),
    );
    expect(evaluationSetOf(facts, sha256)).toEqual({ kind: 'fixed', digest: digestOf('b'), seq: 2 });
  });

  it('is the recorded evaluation set, and unknown where there are two', () => {
    const input = (seq: number, name: string, digest: string) =>
      event(seq, 'run.input-recorded', {
        kind: 'dataset',
        ...blankInputs.dataset,
        role: 'eval',
        name,
        digest,
      } as never);
    const one = input(1, 'x', digestOf('b'));
    expect(evaluationSetOf(fold(one), sha256)).toEqual({ kind: 'fixed', digest: digestOf('b'), seq: 1 });
    expect(evaluationSetOf(fold(one, input(2, 'y', digestOf('b'))), sha256)?.digest).toBe(digestOf('b'));
    expect(evaluationSetOf(fold(one, input(2, 'y', digestOf('c'))), sha256)).toBeNull();
  });
});

it('takes the newest weights for the result, and those that are not merged from them where both are there', () => {
  const weights = (seq: number, type: string) => event(seq, 'run.output-recorded', { type, path: `/${seq}` });
  expect(weightsOutput(fold(weights(1, 'lora'), weights(2, 'lora'), weights(3, 'merged')))?.path?.value).toBe('/2');
  expect(weightsOutput(fold(weights(1, 'merged')))?.path?.value).toBe('/1');
  expect(weightsOutput(fold(event(1, 'run.output-recorded', { role: 'report' })))).toBeNull();
});

it.each([
  ['support assistant (DE)', null, 'support-assistant-DE-'],
  ['Zażółć gęślą', null, 'Za-g-l-'],
  ['a.b_c:d-e', null, 'a.b_c:d-e'],
  ['x'.repeat(250), null, 'x'.repeat(200)],
  ['日本語', null, '-'],
  ['anything', 'named', 'named'],
])('the model of experiment %s with target %s is %s', (experiment, target_model, name) => {
  expect(modelNameOf(fold(event(0, 'run.started', { experiment, target_model })))).toBe(name);
});
