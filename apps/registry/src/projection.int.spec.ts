import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { openPool, type Pool } from '@runseal/postgres';
import { digestTables, Projector, schemaOf, type ProjectedRecord } from '@runseal/projections';
import type { RunEvent } from '@runseal/rules';
import { TestServer } from '@runseal/testing';
import { ADA, BEN, EVE, MODEL, RUN, Story } from './deciding/story.fixture.js';
import { registryProjection } from './projection.js';
import { Site } from './registry-site.fixture.js';
import { verdictOn, wholeRun, type Told } from './whole-run.fixture.js';

const SCHEMA = schemaOf(registryProjection);
const TABLES = ['models', 'versions', 'stages', 'runs', 'run_artifacts', 'artifacts', 'admitting_policies', 'dues'];

let server: TestServer;
let site: Site;
let pool: Pool;

beforeAll(async () => {
  server = await TestServer.start(18);
  site = await Site.open(server);
  pool = openPool({ url: site.urlAs('registry'), applicationName: 'test-projection', searchPath: SCHEMA });
  await new Projector({ pool, projection: registryProjection, ledger: 'default' }).prepare();
}, 60_000);
afterAll(async () => {
  await pool?.end();
  await site?.close();
  await server?.remove();
});

/** Everything that may be said of two runs and their versions, some of it twice or of what is not there. */
function everything(): RunEvent[] {
  const story = Story.asked();
  story.approve(ADA);
  story.approve(BEN);
  story.settle().override(EVE).judge('overridden');
  story.tell('model.tags-set', { version: 2, tags: { owner: 'nobody' } }, ADA);
  story.tell('model.tags-set', { version: 1, tags: { owner: 'search' } }, ADA);
  story.ask('Archived');
  const [registered] = story.records.filter(({ type }) => type === 'model.version-registered');
  const other = randomUUID();
  const ofOther = [...wholeRun({ run: other, weights: `sha256:${'1'.repeat(64)}`, model: MODEL }), verdictOn(other)];
  const policy: Told<'policy.published'> = {
    type: 'policy.published',
    stream: 'policy/default',
    payload: { version: 1, source: 'x', normalised: '{"overridden":"admits"}', hash: '9'.repeat(64), reason: null },
  };
  const again = { ...(registered as RunEvent), id: randomUUID() };
  const second = { ...again, payload: { ...registered?.payload, version: 2, run: other } };
  const ofRun = { ...again, payload: { ...registered?.payload, version: 3, run: RUN } };
  const gone = { ...again, payload: null };
  const beside = BESIDE.map((type) => ({
    ...exampleOf(type),
    ...(type.startsWith('run.') ? { stream: `run/${RUN}` } : {}),
  }));
  return [...story.records, ...[...ofOther, policy, ...beside].map(toEvent), again, second, ofRun, gone] as RunEvent[];
}

/** What is seen of a run from beside. */
const BESIDE = [
  ...(['run.resources-sampled', 'run.log-captured', 'run.checkpoint-deleted', 'run.annotated'] as const),
  'artifact.assessed',
] as const;
const examples = new URL('../../../libs/contracts/examples/', import.meta.url);
const exampleOf = (type: (typeof BESIDE)[number]): Told => {
  const { stream, payload } = JSON.parse(readFileSync(new URL(`${type}.v1.json`, examples), 'utf8')) as Told;
  return { type, stream, payload };
};

const toEvent = (told: Omit<Told, 'type' | 'payload'>) => ({
  ...{ id: randomUUID(), occurred_at: null, actor: 'p_a', producer: null, sealed_at: '2026-01-26T10:30:00.200Z' },
  ...told,
});

async function apply(records: readonly ProjectedRecord[]): Promise<number> {
  const connection = await pool.connect();
  return registryProjection.apply(records, connection).finally(() => connection.release());
}

/** What the tables hold after these records, in batches of so many. */
async function project(events: readonly RunEvent[], recordsMax: number) {
  await pool.query(`truncate ${TABLES.join(', ')}`);
  const records = events.map((event, seq) => ({ ...event, seq, hash: seq.toString(16).padStart(64, '0') }));
  for (let at = 0; at < records.length;) {
    const batch = records.slice(at, at + recordsMax) as unknown as ProjectedRecord[];
    at += await apply(batch);
  }
  return digestTables(pool, SCHEMA);
}

test('takes every order of what fits its schema, and comes to the same whatever the batches', async () => {
  const events = everything();
  const order = fc.shuffledSubarray(events, { minLength: Math.floor(events.length / 2) });
  await fc.assert(
    fc.asyncProperty(fc.oneof(order, fc.constant(events)), fc.integer({ min: 2, max: 100 }), async (told, size) => {
      const one = await project(told, 1);
      expect(await project(told, size)).toEqual(one);
    }),
    { numRuns: 30 },
  );
}, 60_000);

test('stops where something became due, and holds it until its outcome is read', async () => {
  const story = new Story().train();
  const finished = story.records.length;
  story.judge();
  const dues = async () => (await pool.query('select kind, model, trigger_seq from dues')).rows;
  await pool.query(`truncate ${TABLES.join(', ')}`);
  expect(await apply(story.records as unknown as ProjectedRecord[])).toBe(finished);
  await project(story.records, 500);
  expect(await dues()).toEqual([{ kind: 'register', model: MODEL, trigger_seq: finished - 1 }]);
  await project(story.settle().records, 500);
  expect(await dues()).toEqual([]);
});
