import { TestServer, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import type { HeartbeatAnswer } from './answers.js';
import { type Person, type ServedGates, Site } from './gates-site.fixture.js';
import { SampleRun } from './sample-run.fixture.js';

let server: TestServer;
let site: Site;
let served: ServedGates;
let ada: Person;
let trainer: Person;

beforeAll(async () => {
  server = await TestServer.start();
  site = await Site.open(server);
  served = await site.serve({ lease_s: 1 });
  ada = await site.person('ada');
  trainer = await site.person('trainer', { kind: 'service', scopes: ['events:write', 'read'] });
}, 60_000);
afterAll(async () => {
  await served?.close();
  await site?.close();
  await server?.remove();
});

const seal = (...events: Parameters<Site['seal']>[0]) => site.seal(events, trainer.actor);
const beat = (sample: SampleRun, attempt = sample.attempt, by = trainer) =>
  served.post<HeartbeatAnswer>(`/v1/runs/${sample.run}/heartbeat`, by, { attempt, phase: 'train' });
const typesOf = async ({ stream }: SampleRun) => (await site.records(stream)).map(({ type }) => type);
const leaseOf = async ({ run }: SampleRun) =>
  (await site.superuser.query('select attempt, phase from gates.leases where run = $1', [run])).rows;
/** As if the last heartbeat had come so long ago. */
const age = ({ run }: SampleRun, seconds: number) =>
  site.superuser.query('update gates.leases set seen_at = now() - make_interval(secs => $2) where run = $1', [
    run,
    seconds,
  ]);
async function running(): Promise<SampleRun> {
  const sample = new SampleRun();
  await seal(sample.started(), sample.begins());
  return sample;
}

describe('a heartbeat', () => {
  it('is answered with the lease and is no event', async () => {
    const sample = await running();
    const { status, body } = await beat(sample);
    expect([status, body]).toEqual([200, { lease_s: 1, alerts: [], stop: false }]);
    expect(await leaseOf(sample)).toEqual([{ attempt: sample.attempt, phase: 'train' }]);
    expect(await typesOf(sample)).toEqual(['run.started', 'run.attempt-started']);
  });

  it('is refused of a run that is not there, of somebody else’s, ended, or of another attempt', async () => {
    const refused = async (...of: Parameters<typeof beat>) => {
      const { status, body } = await beat(...of);
      return [status, body.code];
    };
    const sample = await running();
    expect(await refused(new SampleRun())).toEqual([404, 'run_unknown']);
    expect(await refused(sample, sample.attempt, ada)).toEqual([403, 'foreign_run']);
    expect(await refused(sample, uuidv7())).toEqual([409, 'attempt_not_running']);
    const bare = new SampleRun();
    await seal(bare.started());
    expect(await refused(bare)).toEqual([409, 'attempt_not_running']);
    await seal(sample.finished());
    expect(await refused(sample)).toEqual([409, 'run_not_running']);
    const path = `/v1/runs/${sample.run}/heartbeat`;
    expect((await served.post(path, trainer, { attempt: sample.attempt, phase: 'sleep' })).status).toBe(400);
  });
});

describe('three missed leases', () => {
  it('seal run.lost once, derived from the attempt, and the run is judged', async () => {
    const sample = await running();
    await beat(sample);
    await age(sample, 4);
    await waitFor('the verdict', async () => (await typesOf(sample)).includes('run.gates-evaluated'), 15_000);
    const records = await site.records(sample.stream);
    const lost = records.filter(({ type }) => type === 'run.lost');
    expect(lost).toMatchObject([{ payload: { attempt: sample.attempt, lease_s: 1, leases_missed: 3 } }]);
    expect(lost[0]?.id).toMatch(/^02......-....-8/);
    const { rows } = await site.superuser.query(
      `select convert_from(envelope, 'UTF8')::json ->> 'occurred_at' as at from ledger.records where seq = $1`,
      [lost[0]?.seq],
    );
    expect(rows).toEqual([{ at: null }]);
    expect(await leaseOf(sample)).toEqual([]);
    expect((await served.verdicts(sample.run, ada))[0]?.overall).toBe('blocked');
  }, 30_000);

  it('say nothing of an attempt that has ended or was followed by another', async () => {
    const ended = await running();
    const followed = await running();
    for (const sample of [ended, followed]) await beat(sample);
    await seal(ended.finished(), followed.begins(uuidv7(), { attempt: followed.attempt, step: 10 }));
    await served.settle();
    for (const sample of [ended, followed]) await age(sample, 100);
    await waitFor('the leases to be dropped', async () => {
      return (await leaseOf(ended)).length === 0 && (await leaseOf(followed)).length === 0;
    });
    for (const sample of [ended, followed]) expect(await typesOf(sample)).not.toContain('run.lost');
  }, 30_000);

  it('are not counted over a restart: every lease starts anew', async () => {
    const sample = await running();
    await beat(sample);
    await served.close();
    await age(sample, 1_000);
    served = await site.serve({ lease_s: 1 });
    await waitFor('the lease to be renewed', async () => {
      const { rows } = await site.superuser.query<{ age: number }>(
        'select extract(epoch from now() - seen_at)::float8 as age from gates.leases where run = $1',
        [sample.run],
      );
      return rows[0] !== undefined && rows[0].age < 3;
    });
    expect(await typesOf(sample)).not.toContain('run.lost');
  }, 30_000);
});
