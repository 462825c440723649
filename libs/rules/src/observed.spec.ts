import type { EventPayload } from '@runseal/contracts';
import { auditFields } from './audit-gaps.js';
import { auditRecord } from './audit-record.js';
import { deletionsOf } from './checkpoints.js';
import { evolveRun, newRunFacts, runOfEvent } from './evolve-run.js';
import { gpuReadings, machineReadings } from './resources.js';
import type { RunEvent } from './run-event.js';
import { newRunRows } from './run-rows.js';
import { ATTEMPT, PRODUCER, RESUMED, RUN, digestOf, event } from './run.fixture.js';
import { tensorsFiniteOf } from './weights.js';

const fold = (...events: RunEvent[]) => events.reduce(evolveRun, newRunFacts());
const inOrder = (...events: ((seq: number) => RunEvent)[]) => fold(...events.map((make, seq) => make(seq)));

describe('a deleted checkpoint', () => {
  const saved =
    (payload: Partial<EventPayload<'run.checkpoint-saved'>>, at: string | null = null) =>
    (seq: number) =>
      event(seq, 'run.checkpoint-saved', payload, { occurred_at: at });
  const deleted =
    (payload: Partial<EventPayload<'run.checkpoint-deleted'>>, at: string | null = null) =>
    (seq: number) =>
      event(seq, 'run.checkpoint-deleted', payload, { occurred_at: at });
  const seqs = (...events: ((seq: number) => RunEvent)[]) =>
    deletionsOf(inOrder(...events)).map((deletion) => deletion?.seq ?? null);

  it('is the one of its attempt and step, where no path is told', () => {
    expect(
      seqs(saved({ step: 100 }), saved({ step: 200 }), saved({ step: 100, attempt: RESUMED }), deleted({})),
    ).toEqual([3, null, null]);
  });

  it('is the one at its path, whichever attempt saved it', () => {
    const at = { step: 100, path: 'out/checkpoint-100' };
    expect(seqs(saved(at), saved({ ...at, path: 'other' }), deleted({ ...at, attempt: RESUMED }))).toEqual([2, null]);
  });

  it('is none that was saved again after it', () => {
    const at = { step: 100, path: 'out/checkpoint-100' };
    expect(seqs(saved(at), deleted(at), saved({ ...at, attempt: RESUMED }))).toEqual([1, null]);
  });

  it('is known also where the one who saved it is heard later', () => {
    const [early, late] = ['2026-01-26T10:30:00.100Z', '2026-01-26T10:30:00.150Z'];
    expect(seqs(deleted({}, late), saved({}, early))).toEqual([0]);
    expect(seqs(deleted({}, early), saved({}, late))).toEqual([null]);
  });

  it('need not be registered, is marked in the audit record, and is told from where', () => {
    const gone = saved({ digest: digestOf('a') });
    const facts = inOrder(gone, saved({ step: 200, digest: digestOf('b') }), deleted({}));
    const fieldOf = (known: string) =>
      auditFields(facts, (digest) => digest === known).find(({ field }) => field === 'digests')?.state;
    expect([fieldOf(digestOf('b')), fieldOf(digestOf('a'))]).toEqual(['present', 'unregistered']);
    const { record, evidence } = auditRecord(facts, newRunRows(), null);
    expect(record.training_record.checkpoints.map(({ step, deleted: isGone }) => [step, isGone])).toEqual([
      [100, true],
      [200, null],
    ]);
    expect(evidence['/training_record/checkpoints/0/deleted']).toBe(2);
    expect(evidence['/training_record/checkpoints/1/deleted']).toBeUndefined();
  });

  it('must be registered all the same where it became the final weights', () => {
    const digest = digestOf('a');
    const output = (seq: number) => event(seq, 'run.output-recorded', { digest });
    const field = auditFields(inOrder(saved({ digest }), output, deleted({})), () => false);
    expect(field.find(({ field: name }) => name === 'digests')).toMatchObject({ state: 'unregistered', seq: 0 });
  });
});

describe('a remark', () => {
  it('is kept with who made it; a later one of the same name erases nothing', () => {
    const { annotations } = fold(
      event(0, 'run.annotated', { value: false }),
      event(1, 'run.annotated', { value: true, attempt: null }, { actor: 'p_b' }),
    );
    expect(annotations).toEqual([
      { seq: 0, at: null, by: 'p_a', attempt: ATTEMPT, name: 'raw_loss', text: null, value: false },
      { seq: 1, at: null, by: 'p_b', attempt: null, name: 'raw_loss', text: null, value: true },
    ]);
  });

  it('leaves nothing out of the audit record, however many there are', () => {
    const facts = fold(...Array.from({ length: 201 }, (_, seq) => event(seq, 'run.annotated', { value: seq })));
    expect(facts.annotations[0]?.value).toBe(1);
    expect(facts.left_out).toEqual({ annotations: 1 });
    expect(auditFields(facts, () => true).find(({ field }) => field === 'limits')?.state).toBe('present');
  });
});

describe('an assessment of weights', () => {
  const DIGEST = digestOf('a');
  const assessed = (
    seq: number,
    payload: Partial<EventPayload<'artifact.assessed'>> = {},
    { of = DIGEST, by = 'p_a' } = {},
  ) => event(seq, 'artifact.assessed', payload, { stream: `artifact/${of}`, actor: by });
  const output = (seq: number, payload: Partial<EventPayload<'run.output-recorded'>> = {}) =>
    event(seq, 'run.output-recorded', { digest: DIGEST, ...payload });
  const started = event(0, 'run.started');

  it('belongs to the run that it names', () => {
    expect(runOfEvent(assessed(1))).toBe(RUN);
    expect(runOfEvent(assessed(1, { run: null }))).toBeNull();
    expect(runOfEvent({ ...assessed(1), payload: null } as RunEvent)).toBeNull();
  });

  it.each([
    ['before', [assessed(1, { tensors_finite: false }), output(2)]],
    ['after', [output(1), assessed(2, { tensors_finite: false })]],
  ])('says of the final weights whether they are finite, told %s them', (_, events) => {
    expect(tensorsFiniteOf(fold(started, ...events))?.value).toBe(false);
  });

  it('counts from the run’s own principal only', () => {
    const early = assessed(0, {}, { by: 'p_stranger' });
    expect(tensorsFiniteOf(fold(early, event(1, 'run.started'), output(2)))).toBeNull();
    expect(tensorsFiniteOf(fold(started, output(1), assessed(2, {}, { by: 'p_stranger' })))).toBeNull();
  });

  it('and what the output says overrule one another, the later the earlier', () => {
    const facts = fold(started, output(1, { tensors_finite: false }), assessed(2));
    expect(tensorsFiniteOf(facts)).toEqual({ value: true, seq: 2 });
    expect(tensorsFiniteOf(fold(started, assessed(1), output(2, { tensors_finite: false })))?.seq).toBe(2);
    expect(tensorsFiniteOf(fold(started, assessed(1), output(2)))?.seq).toBe(1);
  });

  it('of one file condemns the folder and does not vouch for it', () => {
    const folder = output(1, { files: [{ path: 'a', digest: digestOf('b'), size_bytes: 1 }] });
    const ofFile = (tensors_finite: boolean) =>
      fold(started, folder, assessed(2, { tensors_finite }, { of: digestOf('b') }));
    expect(tensorsFiniteOf(ofFile(false))).toEqual({ value: false, seq: 2 });
    expect(tensorsFiniteOf(ofFile(true))).toBeNull();
  });

  it('of other content, of a data set or without a word says nothing', () => {
    const others = [
      assessed(2, {}, { of: digestOf('c') }),
      assessed(3, { kind: 'dataset' }),
      assessed(4, { tensors_finite: null }),
    ];
    expect(tensorsFiniteOf(fold(started, output(1), ...others))).toBeNull();
  });

  it('counts among the events of its producer', () => {
    const count = (counter: number) => ({ producer: { id: PRODUCER, seq: counter } });
    const end = event(3, 'run.finished', { producers: [{ id: PRODUCER, count: 3 }] }, count(2));
    const facts = fold(event(0, 'run.started', {}, count(0)), { ...assessed(1), ...count(1) } as RunEvent, end);
    expect(auditFields(facts, () => true).find(({ field }) => field === 'producers')?.state).toBe('present');
  });
});

it('takes samples and logs whose text is gone for what they are: pruned as agreed', () => {
  const gone = (seq: number, type: 'run.log-captured' | 'run.resources-sampled' | 'run.annotated') =>
    ({ ...event(seq, type), payload: null }) as RunEvent;
  const facts = fold(
    event(0, 'run.started'),
    gone(1, 'run.log-captured'),
    gone(2, 'run.resources-sampled'),
    gone(3, 'run.annotated'),
  );
  expect(facts.faults.map(({ kind, subject }) => [kind, subject])).toEqual([['payload_gone', 'run.annotated']]);
});

describe('a reading', () => {
  const gpu = {
    ...{ index: 0, name: 'GPU', utilization_percent: 97, memory_used_bytes: 61, memory_total_bytes: 80 },
    ...{ temperature_celsius: 64, power_watts: 371.4 },
  };
  const { index: _, name: __, ...values } = gpu;

  it('is kept where it can be', () => expect(gpuReadings(gpu)).toEqual(values));

  it.each([9223372036854775794, 9223372036854775807, 2147483632 * 2 ** 20, -1, 1e300])(
    '%s is a gap of every metric of a GPU',
    (blank) => {
      const blanks = Object.fromEntries(Object.keys(values).map((name) => [name, blank]));
      expect(new Set(Object.values(gpuReadings({ ...gpu, ...blanks })))).toEqual(new Set([null]));
    },
  );

  it.each([
    ['utilization_percent', 100.5],
    ['temperature_celsius', 2147483632],
    ['power_watts', 2147483632],
    ['memory_used_bytes', 81],
    ['memory_total_bytes', 0],
  ])('%s of %s is a gap and leaves the others', (name, value) => {
    const found = gpuReadings({ ...gpu, [name]: value });
    expect(found).toEqual({ ...values, [name]: null });
  });

  it('of a machine is judged likewise', () => {
    const sample = {
      ...{ at: null, host: null, cpu_percent: 250, ram_used_bytes: 3, ram_total_bytes: 2 },
      ...{ disk_free_bytes: 0, process_rss_bytes: null, gpus: [] },
    };
    expect(machineReadings(sample)).toEqual({
      ...{ cpu_percent: null, ram_used_bytes: null, ram_total_bytes: 2 },
      ...{ disk_free_bytes: 0, process_rss_bytes: null },
    });
  });
});
