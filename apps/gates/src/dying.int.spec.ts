import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readLedgerState } from '@runseal/ledger';
import { TestServer, waitFor } from '@runseal/testing';
import { Site } from './gates-site.fixture.js';
import { registrations, SampleRun } from './sample-run.fixture.js';

const SCRIPT = fileURLToPath(new URL('./judging-process.fixture.mjs', import.meta.url));
const TRAINER = 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa';
const LIMIT_MS = 60_000;
type Moment = 'rows' | 'before' | 'after' | 'never';

let server: TestServer;
let site: Site;
const children: Judging[] = [];

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);
beforeEach(async () => {
  site = await Site.open(server);
  await site.seal(registrations(), TRAINER);
}, 60_000);
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.end()));
  await site.close();
});
afterAll(() => server?.remove());

class Judging {
  private lines = '';
  private errors = '';
  private readonly ended: Promise<string | null>;

  private constructor(private readonly process: ChildProcess) {
    process.stdout?.on('data', (text: Buffer) => (this.lines += text.toString()));
    process.stderr?.on('data', (text: Buffer) => (this.errors += text.toString()));
    this.ended = new Promise((resolve) => process.once('exit', (_code, signal) => resolve(signal)));
  }

  static start(moment: Moment, signal = 'SIGKILL'): Judging {
    const { databaseUrl, headsFolder } = site.settings;
    const child = new Judging(spawn(process.execPath, [SCRIPT, databaseUrl, headsFolder, signal, moment]));
    children.push(child);
    return child;
  }

  /** Until it has decided on what was sealed last; what it seals itself included. */
  async settle(): Promise<void> {
    await waitFor(
      'the ledger’s end',
      async () => {
        if (this.errors !== '') throw new Error(this.errors);
        const size = (await readLedgerState(site.superuser, 'default'))?.size ?? 0;
        return this.lines.includes(`at ${size - 1}\n`);
      },
      LIMIT_MS,
    );
  }

  died(): Promise<string | null> {
    return this.ended;
  }

  async stopped(): Promise<void> {
    await waitFor('it to stop itself', async () => this.lines.includes('signal\n'), LIMIT_MS);
  }

  goOn(): void {
    this.process.kill('SIGCONT');
  }

  async end(): Promise<void> {
    this.process.kill('SIGCONT');
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

const verdictsOn = async ({ stream }: SampleRun) =>
  (await site.records(stream)).filter(({ type }) => type === 'run.gates-evaluated');
const expectRebuilt = async () => {
  const { outcome, differing } = await site.rebuild(500);
  expect([outcome, differing]).toEqual(['swapped', []]);
};

describe('killed', () => {
  it.each(['rows', 'before', 'after'] as const)(
    'at the moment "%s", it leaves one verdict once it is back',
    async (moment) => {
      const sample = new SampleRun();
      await site.seal(sample.whole(), TRAINER);
      expect(await Judging.start(moment).died()).toBe('SIGKILL');
      expect(await verdictsOn(sample)).toHaveLength(moment === 'after' ? 1 : 0);
      const back = Judging.start('never');
      await back.settle();
      expect(await verdictsOn(sample)).toHaveLength(1);
      await back.end();
      await expectRebuilt();
    },
    LIMIT_MS,
  );
});

describe('two processes', () => {
  it(
    'seal one verdict a run',
    async () => {
      const both = [Judging.start('never'), Judging.start('never')];
      const samples = Array.from({ length: 8 }, () => new SampleRun());
      for (const sample of samples) await site.seal(sample.whole(), TRAINER);
      await waitFor(
        'all verdicts',
        async () => {
          const counts = await Promise.all(samples.map(async (sample) => (await verdictsOn(sample)).length));
          return counts.every((count) => count > 0);
        },
        LIMIT_MS,
      );
      await Promise.all(both.map((one) => one.end()));
      const last = Judging.start('never');
      await last.settle();
      for (const sample of samples) expect(await verdictsOn(sample)).toHaveLength(1);
      await last.end();
      await expectRebuilt();
    },
    LIMIT_MS,
  );

  it(
    'one that was paused before it sealed, and goes on when the other is further, seals nothing any more',
    async () => {
      const sample = new SampleRun();
      await site.seal(sample.whole(), TRAINER);
      const paused = Judging.start('before', 'SIGSTOP');
      await paused.stopped();
      const other = Judging.start('never');
      await other.settle();
      await site.seal([sample.logged([{ step: 105, loss: 'NaN' }])], TRAINER);
      await other.settle();
      const before = await verdictsOn(sample);
      expect(before.map(({ payload }) => (payload as { overall: string }).overall)).toEqual(['warnings', 'blocked']);
      await other.end();
      paused.goOn();
      await paused.settle();
      expect(await verdictsOn(sample)).toEqual(before);
      await paused.end();
      await expectRebuilt();
    },
    LIMIT_MS,
  );
});
