import type { SubmittedEvent } from '@runseal/contracts';
import { TestLedger } from '../test-ledger.fixture.js';
import { buildEvents } from './build-events.js';
import { readRun } from './read-run.js';
import { losses, logText, makeFolder } from './run-folder.fixture.js';
import { sendEvents } from './send-events.js';

const ROWS = 2_600;
let ledger: TestLedger;
let numbered = 0;

beforeAll(async () => {
  ledger = await TestLedger.start();
});

afterAll(() => ledger.close());

/** The events of a run of its own. */
async function eventsOfRun(): Promise<SubmittedEvent[]> {
  const run = `019bf9da-6cbb-7acb-a255-${String((numbered += 1)).padStart(12, '0')}`;
  const folder = await makeFolder({ 'trainer_log.jsonl': logText(losses(1, ROWS), ROWS, { ends: true }) });
  return buildEvents(await readRun({ folder }), run);
}

function send(events: readonly SubmittedEvent[], interrupted = new AbortController().signal) {
  const address = { url: ledger.url, apiKey: ledger.apiKey, credentials: null };
  return sendEvents(events, { address, err: process.stderr, interrupted });
}

/** Ids of what is sealed of a run, in order. */
async function sealedOf(events: readonly SubmittedEvent[]): Promise<string[]> {
  const ids: string[] = [];
  for (let after = -1; ;) {
    const answer = await ledger.request(`/v1/records?stream=${events[0]?.stream}&limit=1000&after=${after}`);
    const { items } = (await answer.json()) as { items: { seq: number; envelope: string }[] };
    if (items.length === 0) return ids;
    ids.push(...items.map(({ envelope }) => (JSON.parse(envelope) as SubmittedEvent).id));
    after = items.at(-1)?.seq ?? after;
  }
}

const isRow = ({ type }: SubmittedEvent) => type === 'run.metrics-logged';
const idsOf = (events: readonly SubmittedEvent[]) => events.map(({ id }) => id);
/** Those of the run's own stream. */
const ownOf = (events: readonly SubmittedEvent[]) => events.filter(({ stream }) => stream.startsWith('run/'));

test('rows are sealed once each, after all that comes before them and before all that comes after', async () => {
  const events = await eventsOfRun();
  const { sealed, lastSeq } = await send(events);
  const own = ownOf(events);
  const ids = await sealedOf(events);
  expect({ sealed, last: ids.at(-1) }).toEqual({ sealed: events.length, last: events.at(-1)?.id });
  const [first, last] = [own.findIndex(isRow), own.findLastIndex(isRow)];
  expect(ids.slice(0, first)).toEqual(idsOf(own.slice(0, first)));
  expect(ids.slice(first, last + 1).sort()).toEqual(idsOf(own.slice(first, last + 1)).sort());
  expect(ids.slice(last + 1)).toEqual(idsOf(own.slice(last + 1)));
  const newest = (await (await ledger.request(`/v1/records/${lastSeq}`)).json()) as { envelope: string };
  expect(newest.envelope).toContain(events.at(-1)?.id);
});

test('an interrupted one keeps what is sealed, and the next seals the rest', async () => {
  const events = await eventsOfRun();
  await send(events.slice(0, 2));
  const rest = events.slice(2);
  const aborted = AbortSignal.abort();
  await expect(send(rest.filter(isRow), aborted)).rejects.toMatchObject({
    message: expect.stringMatching(/^Interrupted after (500|1,000) of 2,600 events\. Import again/) as string,
    exitCode: 2,
  });
  const { sealed } = await send(events);
  expect(sealed).toBeLessThan(events.length - 2);
  expect((await sealedOf(events)).sort()).toEqual(idsOf(ownOf(events)).sort());
});

test('a refusal is told without a place that nobody could find, and nothing comes after it', async () => {
  const events = await eventsOfRun();
  const at = events.findIndex(isRow) + 1_200;
  const wrong = events.map((event, index) => (index === at ? { ...event, version: 99 } : event));
  await expect(send(wrong)).rejects.toMatchObject({
    message: expect.stringMatching(/^The server refused events: 4\d\d .*\. What was sealed before it stays/) as string,
    exitCode: 1,
  });
  const ids = await sealedOf(events);
  expect(ids).not.toContain(events[at]?.id);
  expect(ids).not.toContain(events.at(-1)?.id);
  expect(ids.length).toBeGreaterThan(500);
});
