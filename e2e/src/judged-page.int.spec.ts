import { describeWithBrowser, waitFor } from '@runseal/testing';
import { chromium, type Browser, type Page } from 'playwright-core';
import { v7 as uuidv7 } from 'uuid';
import { demoFolder, JudgedSite, LIMIT_MS, MODEL } from './judged-site.fixture.js';

// The page as built, served by everything in one process as built, over the two demo runs that the command line has imported.

describeWithBrowser('the page of a real installation', (program) => {
  let site: JudgedSite;
  let browser: Browser;
  let page: Page;
  let healthy: string;
  /** Everything that the browser complained of, answers of no success among it. */
  const complaints: string[] = [];

  beforeAll(async () => {
    site = await JudgedSite.open();
    healthy = (await site.importFolder(demoFolder('healthy-lora'))).run_id;
    await site.json(['baseline', 'set', '--model', MODEL, '--run', healthy, '--reason', 'the first of its model']);
    await site.why(healthy, 0, '--evaluate');
    await site.importFolder(demoFolder('overfit-full'));
    await site.versionThat(MODEL, 1, ({ stage }) => stage === 'Candidate');
    await site.json(['promote', MODEL, '1', '--to', 'Staging', '--reason', 'to be looked at']);
    await site.submit('run.started', uuidv7(), {
      ...{ experiment: 'demo', name: 'n'.repeat(250), target_model: null, objective: null, tasks: null, trainer: null },
      ...{ recorded: 'live', expected_samples_per_second: null, tags: {}, asserted: [] },
    });
    // Without the sandbox, which wants rights that containers and root lack: it opens no page but ours.
    const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
    browser = await chromium.launch({ executablePath: program, headless: true, args });
    page = await browser.newPage({ viewport: { width: 1280, height: 900 }, timezoneId: 'UTC' });
    page.setDefaultTimeout(30_000);
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('response', (answer) => answer.status() >= 400 && complaints.push(`${answer.status()} ${answer.url()}`));
  }, LIMIT_MS);

  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  const rowOf = (name: string) => page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });

  it(
    'lets in with the key of the credentials file and lists the runs with their verdicts, all columns in sight whatever a run is called',
    async () => {
      const { url, api_key } = site.credentials;
      await page.goto(url);
      await page.getByLabel('API key').fill(api_key);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('3 runs on this page').waitFor();
      await rowOf('healthy-lora').getByText('passed').waitFor();
      await rowOf('overfit-full').getByText('blocked').waitFor();
      expect(await rowOf('overfit-full').innerText()).toMatch(
        /finished[^]*demo[^]*320 of 320[^]*0\.0025938[^]*4\.6626/,
      );
      const table = page.getByRole('table');
      const isWhole = await table.evaluate(
        ({ parentElement, scrollWidth }) => scrollWidth <= parentElement!.clientWidth,
      );
      expect(isWhole).toBe(true);
    },
    LIMIT_MS,
  );

  it(
    'draws a run’s curves, says each gate’s sentence with its inputs, and shows hashes as they are sealed',
    async () => {
      await page.getByRole('link', { name: 'overfit-full', exact: true }).click();
      await page.getByText('overfitting since step 40').waitFor();
      expect(await page.locator('figure canvas').count()).toBeGreaterThanOrEqual(3);
      expect(await page.locator('figure').first().innerText()).toMatch(/74 of 74 points/);
      const gates = page.getByRole('region', { name: 'Gates' });
      await gates.getByText('blocked by G4 baseline; warned by G3 generalization').waitFor();
      const told = (await site.why('overfit-full', 1)).gates;
      expect(told).toHaveLength(6);
      for (const { explanation } of told) expect(await gates.getByText(explanation).count()).toBe(1);
      const hashes = page.getByRole('region', { name: 'Hashes' });
      expect(await hashes.innerText()).toMatch(/model\.safetensors\s+sha256:2d7c43c6…2133/);
    },
    LIMIT_MS,
  );

  it(
    'names the newest signed head, and follows the ledger: a late event shows without a reload, and contests the version',
    async () => {
      await page.getByRole('link', { name: 'Runs' }).first().click();
      await page.getByRole('link', { name: 'healthy-lora', exact: true }).click();
      await page.getByText('every gate that counts is met').waitFor();
      await site.sealLateRow(healthy, 339, { loss: 'NaN', grad_norm: 1 });
      await site.verdictThat(healthy, ({ overall }) => overall === 'blocked');
      await page.getByText('blocked by G1 stability').waitFor();
      await page.getByText('Staging, contested').waitFor();
      const head = page.getByRole('contentinfo');
      await waitFor('a head over all records', async () => {
        const { newest } = (await (await site.request('/v1/status')).json()) as { newest: { seq: number } };
        return (await head.innerText()).includes(`${(newest.seq + 1).toLocaleString('en-US')} records`);
      });
      expect(await head.innerText()).toMatch(/lineage\s+#\d+\s+up to date/);
    },
    LIMIT_MS,
  );

  it('complains of nothing', () => {
    expect(complaints).toEqual([]);
  });
});
