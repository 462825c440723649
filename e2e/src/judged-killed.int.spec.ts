import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '@runseal/testing';
import { ended, JudgedSite, LIMIT_MS, MODEL, type Imported } from './judged-site.fixture.js';

let site: JudgedSite;

beforeAll(async () => {
  site = await JudgedSite.open();
}, LIMIT_MS);

afterAll(() => site?.close());

describe('standalone killed', () => {
  const ROWS = 6_000;
  /** A run long enough to be killed in the middle of its import. */
  async function makeLongRun(): Promise<string> {
    const folder = await site.copy('healthy-lora', 'long');
    // They tell of the short run.
    for (const name of [
      'checkpoint-300',
      'checkpoint-339',
      'eval_results.json',
      'all_results.json',
      'train_results.json',
    ])
      await rm(join(folder, name), { recursive: true });
    const lines = Array.from({ length: ROWS }, (_, index) =>
      JSON.stringify({
        current_steps: index + 1,
        total_steps: ROWS,
        loss: 6 / (1 + index / 500),
        lr: 0.001,
        epoch: index / ROWS,
      }),
    );
    const end = { current_steps: ROWS, total_steps: ROWS, epoch: 1, percentage: 100, elapsed_time: '0:00:59' };
    await writeFile(join(folder, 'trainer_log.jsonl'), `${[...lines, JSON.stringify(end)].join('\n')}\n`);
    const history = Array.from({ length: ROWS }, (_, index) => ({
      ...{ step: index + 1, loss: 6 / (1 + index / 500), learning_rate: 0.001, epoch: index / ROWS },
    }));
    await site.edit(join(folder, 'trainer_state.json'), (text) =>
      JSON.stringify({ ...(JSON.parse(text) as object), global_step: ROWS, max_steps: ROWS, log_history: history }),
    );
    await site.edit(join(folder, 'facts.yaml'), (text) => text.replace(MODEL, 'long'));
    return folder;
  }

  test(
    'in the middle of an import and started again: nothing is lost or doubled, and there is one verdict',
    async () => {
      const run = '019bf9da-6cbb-7acb-a255-12100f80b570';
      const folder = await makeLongRun();
      const before = await newest();
      const importing = site.spawn([
        ...[
          'import',
          'llamafactory',
          folder,
          '--run',
          run,
          '--facts',
          join(folder, 'facts.yaml'),
          '--name',
          'long',
          '--json',
        ],
      ]);
      const end = ended(importing);
      await waitFor(
        'the middle of the import',
        async () => importing.exitCode !== null || (await newest()) > before + 500,
      );
      expect(await newest()).toBeLessThan(before + ROWS);
      await site.kill('SIGKILL');
      expect(importing.exitCode).toBeNull();
      await site.start();
      const { exitCode, out, err } = await end;
      expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
      const imported = JSON.parse(out) as Imported;
      const records = (await site.records(`run/${run}`)).filter(({ type }) => type !== 'run.gates-evaluated');
      const artifacts = imported.events - records.length;
      expect(records.filter(({ type }) => type === 'run.metrics-logged').length).toBeGreaterThanOrEqual(ROWS);
      expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
      expect(artifacts).toBeGreaterThan(0);
      await site.verdictThat(run, () => true);
      // Killed once more, where a verdict could be made twice: it is judged and read already.
      await site.kill('SIGKILL');
      await site.start();
      const again = await site.json<Imported>([
        ...['import', 'llamafactory', folder, '--run', run, '--facts', join(folder, 'facts.yaml'), '--name', 'long'],
      ]);
      expect(again.sealed).toBe(0);
      const verdicts = (await site.records(`run/${run}`)).filter(({ type }) => type === 'run.gates-evaluated');
      expect(verdicts).toHaveLength(1);
      const csv = await (await site.request(`/v1/runs/${run}/metrics?key=loss&format=csv`)).text();
      expect(csv.trim().split('\n')).toHaveLength(ROWS + 1);
      expect(await site.cli(['verify', '--json'])).toMatchObject({ exitCode: 0 });
    },
    LIMIT_MS,
  );

  /** Seq of the ledger's newest record. */
  async function newest(): Promise<number> {
    const answer = await site.request('/v1/status');
    return ((await answer.json()) as { newest: { seq: number } }).newest.seq;
  }
});
