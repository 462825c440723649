import { v7 as uuidv7 } from 'uuid';
import type { SubmittedEvent } from '@runseal/contracts';
import { answer, problem, resetAfterCommit, ScriptedDoor } from './scripted-door.fixture.js';
import { submitEvents, type SubmitOptions } from './submit-events.js';

let door: ScriptedDoor;
beforeEach(async () => {
  door = await ScriptedDoor.open();
});
afterEach(() => door.close());

const eventOf = (name: string): SubmittedEvent => ({
  id: uuidv7(),
  type: 'run.parameters-recorded',
  version: 1,
  stream: 'run/01936b6e-1111-7000-8000-000000000000',
  occurred_at: null,
  producer: null,
  payload: { attempt: null, parameters: { name }, asserted: [] },
});
const collect = async (events: SubmittedEvent[], options: SubmitOptions = {}) => {
  const requests = [];
  for await (const receipts of submitEvents(events, { url: door.url, apiKey: 'rsk_a_b', ...options }))
    requests.push(receipts);
  return requests;
};

describe('submitEvents', () => {
  it('yields the receipts of each request in order, at most 500 events and 5 MB each', async () => {
    const small = Array.from({ length: 1100 }, (_, index) => eventOf(String(index)));
    expect((await collect(small)).map((receipts) => receipts.length)).toEqual([500, 500, 100]);
    const large = Array.from({ length: 20 }, () => eventOf('x'.repeat(700_000)));
    const requests = await collect(large);
    expect(requests.flat().map(({ id }) => id)).toEqual(large.map(({ id }) => id));
    expect(Math.max(...door.requests.map(({ bytes }) => bytes))).toBeLessThanOrEqual(5 * 1024 * 1024);
    expect(door.sealed).toEqual([...small, ...large]);
    expect(door.requests.at(-1)?.known?.seq).toBe(door.sealed.length - requests.at(-1)!.length - 1);
  });

  it('gets the first receipts again when everything is submitted a second time', async () => {
    const events = ['a', 'b'].map(eventOf);
    const first = (await collect(events)).flat();
    const second = (await collect(events)).flat();
    expect(second).toEqual(first.map((receipt) => ({ ...receipt, duplicate: true })));
  });

  it('tries again when an answer is lost or the server is busy', async () => {
    door.faults.push(resetAfterCommit, answer(503, {}, { 'retry-after': '0' }));
    expect((await collect([eventOf('a')])).flat()).toMatchObject([{ duplicate: true }]);
  });

  it('throws at the first refused request, naming the problem and the place, with the ones before it sealed', async () => {
    const events = Array.from({ length: 700 }, (_, index) => eventOf(String(index)));
    door.faults.push(answer(503), problem(400, 'invalid_payload', { errors: [{ index: 3, path: '/payload' }] }));
    await expect(collect(events.slice(0, 500))).rejects.toMatchObject({
      from: 0,
      problem: { code: 'invalid_payload' },
    });
    door.faults.push(
      (request, response, seal) => answer(201, { receipts: seal() })(request, response, seal),
      problem(403, 'forbidden'),
    );
    await expect(collect(events)).rejects.toMatchObject({ name: 'SubmitError', from: 500, problem: { status: 403 } });
    expect(door.sealed).toHaveLength(500);
  });

  it('gives up after the time that it was given, and says why', async () => {
    door.always = answer(503);
    await expect(collect([eventOf('a')], { retry_s: 0 })).rejects.toThrow(/could not be delivered.*503/);
    await expect(submitEvents([], { url: door.url, apiKey: '' }).next()).rejects.toThrow(/apiKey/);
  });
});
