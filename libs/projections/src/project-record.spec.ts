import { PoisonRecordError } from '@runseal/messaging';
import { finished, logged, MemoryLedger, runId, started, eventOf } from './memory-ledger.fixture.js';
import { projectRecord } from './project-record.js';

describe('a record as projections read it', () => {
  const seal = (...events: Parameters<MemoryLedger['seal']>[0]) => new MemoryLedger().seal(events);
  const only = (event: ReturnType<typeof started>) => {
    const [record] = seal(event);
    if (!record) throw new Error('nothing sealed');
    return record;
  };

  it('holds the envelope, the hash as hex and the payload', () => {
    const record = only(started(1, 'é'));
    expect({ ...projectRecord(record) }).toMatchObject({
      seq: 0,
      epoch: 0,
      hash: Buffer.from(record.hash).toString('hex'),
      type: 'run.started',
      version: 1,
      stream: `run/${runId(1)}`,
      actor: 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa',
      class: 'permanent',
      occurred_at: null,
      sealed_at: '2026-01-26T00:00:00.000Z',
      producer: null,
      payload_state: 'present',
    });
    expect(projectRecord(record).payload).toEqual({ experiment: 'é' });
  });

  it('reads texts as well as bytes, and slices of larger buffers', () => {
    const record = only(logged(1, 3));
    const text = { ...record, envelope: Buffer.from(record.envelope).toString() };
    const slice = Buffer.concat([Buffer.from('xx'), record.payload as Uint8Array]).subarray(2);
    const payload = projectRecord(record).payload;
    expect(payload).toMatchObject({ attempt: runId(1) });
    expect(projectRecord({ ...text, payload: slice }).payload).toEqual(payload);
    expect(projectRecord(text).stream).toBe(`run/${runId(1)}`);
  });

  it('has no payload where that was pruned', () => {
    const pruned = { ...only(finished(1)), payload: null, payloadState: 'pruned' as const };
    expect(projectRecord(pruned)).toMatchObject({ payload: null, payload_state: 'pruned' });
  });

  it.each([
    ['an unknown type', { ...eventOf(1, 'run.exploded', {}) }, 'run.exploded'],
    ['a version to come', { ...started(1), version: 99 }, 'version 99'],
    ['version 0', { ...started(1), version: 0 }, 'version 0'],
  ])('is poison if it is of %s, and says its seq', (_, event, words) => {
    const [, record] = seal(started(2), event);
    const failure = (() => {
      try {
        return record && projectRecord(record);
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toBeInstanceOf(PoisonRecordError);
    expect(failure).toMatchObject({ seq: 1, message: expect.stringContaining(words) });
  });

  it('is poison if its payload is no JSON, at the first look at it', () => {
    const record = projectRecord({ ...only(started(1)), payload: '{' });
    expect(() => record.payload).toThrow(PoisonRecordError);
  });
});
