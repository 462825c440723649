import { evolveRun, newRunFacts, runOfEvent } from './evolve-run.js';
import { missingCounters } from './producers.js';
import type { RunEvent } from './run-event.js';
import { factsLimits, type RunFacts } from './run-facts.js';
import { ATTEMPT, PRODUCER, RESUMED, RUN, blankInputs, digestOf, event, idOf, row } from './run.fixture.js';

const fold = (...events: RunEvent[]): RunFacts => events.reduce(evolveRun, newRunFacts());
const faults = ({ faults: found }: RunFacts) => found.map(({ kind, seq, count }) => [kind, seq, count]);
const began = (seq: number, id = ATTEMPT, payload = {}) => event(seq, 'run.attempt-started', payload, { id });

describe('state', () => {
  it('is running once the run has started, and belongs to the actor of the first record', () => {
    const facts = fold(event(7, 'run.started', {}, { actor: 'p_first' }), began(9, ATTEMPT, { total_steps: 300 }));
    expect(facts).toMatchObject({ run_id: RUN, seq: 9, first_seq: 7, events: 2, state: 'running', state_seq: 9 });
    expect(facts.principal).toEqual({ value: 'p_first', seq: 7 });
    expect(facts.progress.total_steps).toEqual({ value: 300, seq: 9 });
    expect(facts.faults).toEqual([]);
  });

  it('comes back to running when a new attempt begins, and keeps how the one before ended', () => {
    const facts = fold(
      ...[event(0, 'run.started'), began(1), event(2, 'run.failed')],
      began(3, RESUMED, { resumes: { attempt: ATTEMPT, step: 100 } }),
    );
    expect(facts).toMatchObject({ state: 'running', state_seq: 3, terminal: null });
    expect(facts.attempts.map(({ ended }) => ended)).toEqual([{ type: 'run.failed', seq: 2 }, null]);
  });

  it('takes the word of the process over a lost lease', () => {
    const facts = fold(event(0, 'run.started'), began(1), event(2, 'run.lost'), event(3, 'run.finished'));
    expect(facts).toMatchObject({ state: 'finished', state_seq: 3 });
    expect(facts.faults).toEqual([]);
  });

  it.each([
    [['run.failed', 'run.finished'], 2],
    [['run.finished', 'run.failed'], 3],
  ] as const)('does not become finished while another ending says otherwise: %j', ([first, second], by) => {
    const facts = fold(event(0, 'run.started'), began(1), event(2, first), event(3, second));
    expect(facts).toMatchObject({ state: 'failed', state_seq: by });
    expect(faults(facts)).toEqual([['two_endings', 3, 1]]);
  });

  it('leaves the run running when the ending of an older attempt comes late', () => {
    const facts = fold(
      event(0, 'run.started'),
      began(1),
      began(2, RESUMED),
      event(3, 'run.failed', { exit_code: 137 }),
    );
    expect(facts.state).toBe('running');
    expect(facts.attempts[0]?.ended).toEqual({ type: 'run.failed', seq: 3 });
  });

  it('knows the ending of an attempt that begins after it', () => {
    const facts = fold(event(0, 'run.started'), event(1, 'run.finished'), began(2));
    expect(facts).toMatchObject({ state: 'finished', state_seq: 1 });
    expect(faults(facts)).toEqual([['attempt_unknown', 1, 1]]);
  });
});

describe('repetition', () => {
  it('changes nothing when a record at or below the position comes again', () => {
    const events = [
      event(3, 'run.started'),
      began(4),
      event(5, 'run.metrics-logged', { rows: [row('train', 1, { loss: 2 })] }),
    ];
    const facts = fold(...events);
    expect(events.reduce(evolveRun, facts)).toBe(facts);
  });

  it('leaves the facts that it was given as they are', () => {
    const before = fold(event(0, 'run.started'), began(1));
    const text = JSON.stringify(before);
    evolveRun(before, event(2, 'run.metrics-logged', { rows: [row('train', 1, { loss: 2 })] }));
    expect(JSON.stringify(before)).toBe(text);
  });

  it('ignores the stream of another run', () => {
    const facts = fold(event(0, 'run.started'));
    expect(evolveRun(facts, event(1, 'run.started', {}, { stream: `run/${ATTEMPT}` }))).toBe(facts);
  });
});

describe('faults', () => {
  it('shows metrics before the start, and calls a run without a start unknown', () => {
    const rows = event(0, 'run.metrics-logged', { rows: [row('train', 1, { loss: 2 })] });
    expect(faults(fold(rows))).toEqual([
      ['unknown_run', 0, 1],
      ['attempt_unknown', 0, 1],
    ]);
    expect(faults(fold(rows, event(1, 'run.started')))[0]).toEqual(['before_start', 0, 1]);
  });

  it('shows steps that are negative, fractional or fall, each once an attempt with its count', () => {
    const rows = [-1, 2.5, 1, 0.5].map((step) => row('train', step, { loss: 1 }));
    const facts = fold(event(0, 'run.started'), began(1), event(2, 'run.metrics-logged', { rows }));
    expect(faults(facts)).toEqual([
      ['step_negative', 2, 1],
      ['step_fractional', 2, 2],
      ['step_falling', 2, 2],
    ]);
    const later = evolveRun(facts, event(3, 'run.metrics-logged', { rows: [row('train', 0, { loss: 1 })] }));
    expect(later.faults.at(-1)).toMatchObject({
      kind: 'step_falling',
      seq: 2,
      last_seq: 3,
      count: 3,
      subject: ATTEMPT,
    });
  });

  it('takes rows that a closing file adds to those followed live for no fall, once that was said', () => {
    const rows = (seq: number, ...steps: number[]) =>
      event(seq, 'run.metrics-logged', { rows: steps.map((step) => row('train', step, { loss: 1 })) });
    const completed = (attempt: string) =>
      event(3, 'run.annotated', { attempt, name: 'rows_completed', text: null, value: 2 });
    const live = [event(0, 'run.started'), began(1), rows(2, 1, 2)];
    expect(faults(fold(...live, completed(ATTEMPT), rows(4, 1, 2)))).toEqual([]);
    expect(faults(fold(...live, completed(RESUMED), rows(4, 1, 2)))).toEqual([['step_falling', 4, 1]]);
  });

  it('does not take the lower step of a resumed attempt for a fault', () => {
    const at = (seq: number, attempt: string, step: number) =>
      event(seq, 'run.metrics-logged', { attempt, rows: [row('train', step, { loss: 1 })] });
    const facts = fold(event(0, 'run.started'), began(1), at(2, ATTEMPT, 50), began(3, RESUMED), at(4, RESUMED, 30));
    expect(facts.faults).toEqual([]);
    expect(facts.progress.newest).toMatchObject({ step: 30, seq: 4 });
  });

  it('names the first metric beyond a thousand, also where a name is one that every object has', () => {
    const keys = Array.from({ length: factsLimits.metricKeys }, (_, index) => `metric ${index}`);
    const values = Object.fromEntries(keys.map((key) => [key, 1]));
    const facts = fold(
      ...[event(0, 'run.started'), began(1), event(2, 'run.metrics-logged', { rows: [row('train', 1, values)] })],
      event(3, 'run.metrics-logged', { rows: [row('train', 2, { constructor: 1, 'metric 5': 2 })] }),
    );
    expect(facts.faults).toEqual([
      expect.objectContaining({ kind: 'too_many_metrics', seq: 3, words: expect.stringContaining('constructor') }),
    ]);
  });

  it('shows rows after the end, but not those that the ending had counted', () => {
    const producers = [{ id: PRODUCER, count: 5 }];
    const ended = fold(event(0, 'run.started'), began(1), event(2, 'run.finished', { producers }));
    const rows = [row('train', 1, { loss: 1 })];
    const late = evolveRun(ended, event(3, 'run.metrics-logged', { rows }, { producer: { id: PRODUCER, seq: 4 } }));
    expect(late.faults).toEqual([]);
    const beyond = evolveRun(ended, event(3, 'run.metrics-logged', { rows }, { producer: { id: PRODUCER, seq: 5 } }));
    expect(faults(beyond)).toEqual([['after_end', 3, 1]]);
  });

  it.each([
    ['2026-01-26T10:35:00.100Z', 0],
    ['2026-01-26T10:35:00.300Z', 1],
    ['2026-01-26T12:30:00+02:00', 0],
    ['2026-01-26T12:30:00+01:00', 1],
    ['2026-01-19T10:31:00Z', 0],
    ['2026-01-19T10:29:00Z', 1],
  ])('occurred_at %s, sealed at 10:30:00.2, makes %i faults', (occurred_at, count) => {
    const facts = fold(event(0, 'run.started'), event(1, 'run.parameters-recorded', {}, { occurred_at }));
    expect(facts.faults).toHaveLength(count);
  });

  it('lets what was read in afterwards be of any age', () => {
    const old = { occurred_at: '2020-01-01T00:00:00Z' };
    const facts = fold(event(0, 'run.started', { recorded: 'afterwards' }, old), event(1, 'run.evaluated', {}, old));
    expect(facts.faults).toEqual([]);
  });

  it('keeps a hundred and counts the rest', () => {
    const events = Array.from({ length: 150 }, (_, seq) =>
      event(seq + 1, 'run.metrics-logged', { attempt: idOf(seq) }),
    );
    const facts = fold(event(0, 'run.started'), ...events);
    expect([facts.faults.length, facts.faults_total]).toEqual([100, 150]);
  });
});

describe('inputs, outputs, environment', () => {
  const dataset = (seq: number, said: object) =>
    event(seq, 'run.input-recorded', { kind: 'dataset', ...blankInputs.dataset, ...said } as never);

  it('completes an input by its kind, role and name, and a null erases nothing', () => {
    const facts = fold(
      dataset(0, { name: 'tickets', version: 'v2', asserted: ['/payload/version'] }),
      dataset(1, { name: 'tickets', digest: digestOf('a'), samples: 9000 }),
      dataset(2, { name: 'other', version: 'v1' }),
    );
    expect(facts.inputs).toHaveLength(2);
    expect(facts.inputs[0]).toMatchObject({
      ...{ name: 'tickets', seq: 0, last_seq: 1 },
      version: { value: 'v2', seq: 0, asserted: true },
      digest: { value: digestOf('a'), seq: 1 },
      samples: { value: 9000, seq: 1 },
    });
  });

  it('replaces an output that was written again, and completes one of the same digest', () => {
    const output = (seq: number, said: object) => event(seq, 'run.output-recorded', { path: '/out', ...said });
    const first = output(0, { digest: digestOf('a'), type: 'lora' });
    const same = fold(first, output(1, { digest: digestOf('a'), tensors_finite: true }));
    expect(same.outputs).toMatchObject([{ type: { value: 'lora', seq: 0 }, tensors_finite: { value: true, seq: 1 } }]);
    const other = fold(first, output(1, { digest: digestOf('b') }));
    expect(other.outputs).toMatchObject([{ type: null, digest: { value: digestOf('b'), seq: 1 } }]);
    expect(fold(first, output(1, {})).outputs).toMatchObject([{ digest: null }]);
  });

  it('merges the environment by member and by package', () => {
    const environment = (seq: number, versions: Record<string, string>, gpu_type: string | null) =>
      event(seq, 'run.environment-recorded', {
        versions,
        hardware: { gpu_type, gpu_count: null, cuda_version: null, driver_version: null, hosts: null },
      });
    const facts = fold(
      environment(0, { torch: '2.1', python: '3.10' }, 'A100'),
      environment(1, { torch: '2.2' }, null),
    );
    expect(facts.environment.gpu_type).toEqual({ value: 'A100', seq: 0 });
    expect(facts.environment.versions).toEqual({ torch: { value: '2.2', seq: 1 }, python: { value: '3.10', seq: 0 } });
  });

  it('takes the later parameter, and drops rather than keeps an overruled one at the limit', () => {
    const parameters = (seq: number, values: Record<string, string | number>) =>
      event(seq, 'run.parameters-recorded', { parameters: values });
    expect(fold(parameters(0, { seed: 1, lr: 2 }), parameters(1, { seed: 3 })).parameters).toEqual({
      seed: { value: 3, seq: 1 },
      lr: { value: 2, seq: 0 },
    });
    const long = 'x'.repeat(factsLimits.parametersChars);
    const facts = fold(parameters(0, { a: 1 }), parameters(1, { a: long }));
    expect(facts.parameters).toEqual({});
    expect(facts.left_out).toEqual({ parametersChars: 1 });
    expect(facts.parameters_chars).toBe(0);
  });
});

describe('producers', () => {
  const counted = (seq: number, counter: number) =>
    event(seq, 'run.parameters-recorded', {}, { producer: { id: PRODUCER, seq: counter } });

  it('merges counters in whatever order they come, and knows what is missing', () => {
    const facts = fold(
      event(0, 'run.started'),
      counted(1, 0),
      counted(2, 4),
      counted(3, 2),
      counted(4, 1),
      counted(5, 6),
    );
    const [producer] = facts.producers;
    expect(producer?.seen).toEqual([
      [0, 2],
      [4, 4],
      [6, 6],
    ]);
    expect(missingCounters(producer as never, 9)).toEqual([
      [3, 3],
      [5, 5],
      [7, 8],
    ]);
    expect(missingCounters(producer as never, 4)).toEqual([[3, 3]]);
    expect(missingCounters(producer as never, 3)).toEqual([]);
  });

  it('closes a gap, and shows a counter that comes twice', () => {
    const facts = fold(event(0, 'run.started'), counted(1, 0), counted(2, 2), counted(3, 1), counted(4, 1));
    expect(facts.producers[0]?.seen).toEqual([[0, 2]]);
    expect(faults(facts)).toEqual([['counter_repeated', 4, 1]]);
  });

  it('counts the artifacts that a producer of the run registers, and nobody else’s', () => {
    const artifact = event(2, 'artifact.registered', { run: RUN } as never, {
      stream: `artifact/${digestOf('a')}`,
      producer: { id: PRODUCER, seq: 1 },
    });
    expect(runOfEvent(artifact)).toBe(RUN);
    const facts = fold(event(0, 'run.started'), counted(1, 0), artifact, counted(3, 2));
    expect(facts.producers[0]?.seen).toEqual([[0, 2]]);
    expect(facts.events).toBe(3);
    const somebody = { ...artifact, actor: 'p_somebody_else' };
    const before = fold(event(0, 'run.started'), counted(1, 0));
    expect(evolveRun(before, somebody)).toBe(before);
  });

  it('takes the largest count that an ending gives, and what a client declares as set aside for seen', () => {
    const aside = [{ id: idOf(1), type: 'run.log-captured', code: 'too_large', producer: { id: PRODUCER, seq: 1 } }];
    const facts = fold(
      ...[event(0, 'run.started'), counted(1, 0), event(2, 'run.events-dropped', { set_aside: aside })],
      event(3, 'run.failed', { producers: [{ id: PRODUCER, count: 4 }] }),
      event(4, 'run.finished', { producers: [{ id: PRODUCER, count: 3 }] }),
    );
    expect(facts.producers).toEqual([{ id: PRODUCER, seen: [[0, 1]], expected: { value: 4, seq: 3 } }]);
    expect(facts.dropped).toMatchObject({ set_aside_total: 1, first_seq: 2 });
  });
});

it('says what is gone by the retention policy, and what was erased', () => {
  const facts = fold(
    event(0, 'run.started'),
    { ...event(1, 'run.metrics-logged'), payload: null } as RunEvent,
    { ...event(2, 'run.metrics-logged'), payload: null } as RunEvent,
    { ...event(3, 'run.input-recorded'), payload: null } as RunEvent,
  );
  expect(facts.pruned).toEqual({ records: 2, first_seq: 1, last_seq: 2 });
  expect(faults(facts)).toEqual([['payload_gone', 3, 1]]);
});
