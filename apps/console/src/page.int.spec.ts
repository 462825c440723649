import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describeWithBrowser, waitFor } from '@runseal/testing';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openBrowser } from './browser.fixture.js';
import { sendJson } from './far-server.fixture.js';
import { headNote, ROOT_HEX, RUNS } from './recorded-answers.fixture.js';
import { gatesAnswer, metricsAnswer } from './recorded-judgement.fixture.js';
import { runAnswer } from './recorded-run.fixture.js';
import { KEY, RecordedServices, sendProblem } from './recorded-services.fixture.js';

const LIMIT_MS = 15_000;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describeWithBrowser('the page in a browser', (program) => {
  let services: RecordedServices;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  /** Everything that the browser complained of, and where it went. */
  let complaints: string[];
  let requested: string[];

  beforeAll(async () => {
    services = await RecordedServices.start();
    browser = await openBrowser(program);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await services?.close();
  });
  beforeEach(() => openContext());
  afterEach(async () => {
    services.exceptions.clear();
    services.far.arrived.length = 0;
    await context.close();
  });

  async function openContext(options: Parameters<Browser['newContext']>[0] = {}): Promise<void> {
    await context?.close();
    context = await browser.newContext({ timezoneId: 'Europe/Warsaw', ...options });
    page = await context.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    [complaints, requested] = [[], []];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requested.push(request.url()));
  }

  async function signIn(path = '/'): Promise<void> {
    await page.goto(services.console.url + path);
    await page.getByLabel('API key').fill(KEY);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
  }

  const openRun = async (id: string): Promise<void> => {
    await signIn(`/runs/${id}`);
    await page.getByRole('slider').first().waitFor();
  };
  const textOf = (selector: string): Promise<string> => page.locator(selector).first().innerText();
  const groupOf = async (name: string): Promise<string> =>
    (await page.getByRole('group', { name }).innerText()).replaceAll(/\s+/g, ' ');
  const shows = (text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor();

  it('asks for a key, says why one is refused, and says who signed in with a good one', async () => {
    await page.goto(services.console.url);
    await page.getByLabel('API key').fill('rsk_wrong_key');
    await page.keyboard.press('Enter');
    expect(await page.getByRole('alert').innerText()).toBe('This key is unknown, expired or revoked.');
    await page.getByLabel('API key').fill(KEY);
    await page.keyboard.press('Enter');
    await shows('Ada on ledger default');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key').waitFor();
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).toBe('{}');
  });

  it('sends the key in a header alone, to its own server alone, and is never refused anything by its policy', async () => {
    await openRun(RUNS.overfitting);
    expect(page.url()).not.toContain('rsk_');
    expect(requested.filter((url) => url.includes('rsk_'))).toEqual([]);
    expect(requested.filter((url) => !url.startsWith(services.console.url))).toEqual([]);
    expect(services.far.arrived.length).toBeGreaterThan(0);
    expect(services.far.arrived.filter(({ headers }) => headers.authorization !== `Bearer ${KEY}`)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('lists runs with state, verdict, experiment, progress, losses with their unit, and times with their zone', async () => {
    await signIn();
    const row = page.getByRole('row').filter({ hasText: 'lr-too-high' });
    expect((await row.innerText()).split(/\s*[\t\n]\s*/)).toEqual([
      'lr-too-high',
      RUNS.broken,
      '2 faults',
      '✕ failed',
      '✕ blocked',
      'support-bot',
      '40 of 300',
      'NaN',
      'NaN',
      '26 Jan 2026, 11:30 CET',
      '42.5 s',
    ]);
    expect(await textOf('thead')).toContain('Final loss nats');
    await shows('25 runs on this page');
  });

  it('keeps filter and page in the address', async () => {
    await signIn();
    await page.getByRole('link', { name: 'Next page' }).click();
    await shows('5 runs on this page');
    expect(new URL(page.url()).searchParams.get('cursor')).toContain('25');
    await page.getByLabel('State').selectOption('failed');
    await shows('1 run on this page');
    expect(page.url()).toMatch(/\?state=failed$/);
    await page.getByLabel('State').selectOption('');
    await page.getByLabel('Find').fill('qlora');
    await shows('1 run on this page');
    await page.reload();
    await shows('1 run on this page');
    expect(await page.getByLabel('Find').inputValue()).toBe('qlora');
    await page.getByLabel('Find').fill('nothing like it');
    await shows('No run fits.');
    await page.getByRole('link', { name: 'Show all runs.' }).click();
    await shows('25 runs on this page');
  });

  it('shows a run with its diagnosis, curves, gates, hashes, attempts and checkpoints, each fact with its record', async () => {
    await openRun(RUNS.overfitting);
    await shows('overfitting since step 250');
    await shows('stop here.');
    await shows('36 of 84,306 points shown, least and greatest kept');
    await shows('loss (nats)');
    await shows('blocked by G6 audit completeness; warned by G3 generalization, G4 baseline');
    const gate = page.getByRole('listitem').filter({ hasText: 'G3 generalization' });
    await gate.getByText('2 inputs').click();
    expect(await gate.locator('tbody').innerText()).toBe(
      'eval_loss at step 300\t2.31\t#610\nmean loss of steps 251 to 300\t0.1235\t–',
    );
    expect(await gate.locator('.gate-why').innerText()).toContain('is 18.7 times the mean loss');
    expect(await groupOf('Inputs')).toContain('partly stated, not read');
    expect(await groupOf('Configuration')).toContain('git commit: 7890abc7…8901');
    expect(await groupOf('Outputs')).toContain('sha256:33333333…3333');
    expect(await groupOf('Table of checkpoints')).toContain('200 ★ best');
    expect(await groupOf('Table of attempts')).toContain('2 26 Jan 2026, 13:10:00 CET step 100');
  });

  it('shows the machine over time, which checkpoints went, and what was remarked', async () => {
    await openRun(RUNS.overfitting);
    const resources = page.getByRole('region', { name: 'Resources' });
    const memory = resources.getByRole('slider', { name: 'GPU memory: move through the minutes' });
    await memory.focus();
    await page.keyboard.press('End');
    expect(await memory.getAttribute('aria-valuetext')).toBe('minute 59, GPU 0 76, GPU 1 61');
    const headings = await resources.getByRole('heading', { level: 3 }).allInnerTexts();
    expect(headings).toEqual([
      ...['GPU utilization (%)', 'GPU memory (GiB)', 'GPU temperature (°C)', 'memory (GiB)', 'CPU (%)'],
    ]);
    await resources.getByText('1 more chart: GPU power').waitFor();
    expect(await groupOf('Table of checkpoints')).toContain('100 deleted since #480');
    const remark = page.getByRole('region', { name: 'Remarks' }).getByRole('listitem');
    expect((await remark.innerText()).replaceAll(/\s+/g, ' ')).toBe(
      'nan inf filter: true: as found #44 A loss that is not finite does not show.',
    );
  });

  it('has no resources where nobody sampled the machine', async () => {
    const answered = page.waitForResponse((response) => response.url().includes(`/${RUNS.broken}/resources`));
    await openRun(RUNS.broken);
    expect((await answered).status()).toBe(200);
    await page.waitForLoadState('networkidle');
    expect(await page.getByRole('region', { name: 'Resources' }).count()).toBe(0);
  });

  it('copies whole hashes', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: services.console.url });
    await openRun(RUNS.overfitting);
    await page.getByRole('button', { name: 'Copy the hash of weights' }).click();
    await shows('copied');
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`sha256:${'33'.repeat(32)}`);
  });

  it('names the points that no curve can show', async () => {
    await openRun(RUNS.broken);
    await shows('▼ 3 points cannot be drawn: loss NaN at step 30; loss NaN at step 40; eval_loss NaN at step 40.');
    await shows('Ended as failed: RuntimeError: loss is nan; exit code 1 #77');
    await shows('event after end: A row came after the end of the run.');
  });

  it('lets the arrow keys move through a curve, and shows the same numbers as a table', async () => {
    await openRun(RUNS.overfitting);
    const curve = page.getByRole('slider', { name: 'loss: move through the steps' });
    await curve.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    expect(await curve.getAttribute('aria-valuetext')).toBe('step 20, loss 1.7215, eval_loss no row');
    await page.keyboard.press('End');
    expect(await curve.getAttribute('aria-valuetext')).toBe('step 300, loss 0.11492, eval_loss 1.6444');
    await page.getByText('loss as a table').click();
    const rows = page.getByRole('figure').first().getByRole('row');
    await rows.nth(25).waitFor();
    expect(await rows.count()).toBe(26);
    expect(await rows.nth(5).innerText()).toBe('50\t1.2449\t2.2');
    await page.getByRole('button', { name: 'Next' }).click();
    await shows('page 2 of 2');
    expect(await rows.count()).toBe(6);
  });

  it('shows on every page the newest signed head and how far the readers are', async () => {
    for (const path of ['/', `/runs/${RUNS.overfitting}`]) {
      await openContext();
      await signIn(path);
      await shows('1,284 records');
      const footer = page.getByRole('contentinfo');
      expect(await footer.innerText()).toContain('lab-1a2b3c/default/0');
      expect(await footer.locator(`code[title="${ROOT_HEX}"]`).count()).toBe(1);
      expect((await footer.innerText()).replaceAll(/\s+/g, ' ')).toContain(
        'newest record #1290 epoch 0 lineage #1290 up to date gates #1288 2 behind',
      );
    }
  });

  it('shows what changes without being loaded again', async () => {
    const path = `/v1/runs/${RUNS.running}`;
    services.exceptions.set(`${path}/gates`, (_arrived, response) =>
      sendProblem(response, 404, 'not_found', 'There is no such run.'),
    );
    await openRun(RUNS.running);
    await shows('Not judged yet.');
    services.exceptions.set(path, (_arrived, response) =>
      sendJson(response, { ...runAnswer(RUNS.running), state: 'finished' }),
    );
    services.exceptions.set(`${path}/gates`, (_arrived, response) => sendJson(response, gatesAnswer(RUNS.overfitting)));
    services.exceptions.set(`${path}/metrics`, (_arrived, response) => sendJson(response, metricsAnswer(RUNS.broken)));
    services.exceptions.set('/v1/log/default/checkpoint', (_arrived, response) =>
      response.end(headNote.replace('1284', '1300')),
    );
    await shows('blocked by G6 audit completeness');
    await shows('broken since step 30');
    await shows('1,300 records');
  });

  it('says what to do where there is no run yet', async () => {
    services.exceptions.set('/v1/runs', (_arrived, response) => sendJson(response, { items: [], next_cursor: null }));
    await signIn();
    await shows('There is no run yet.');
    await shows('runseal import llamafactory FOLDER');
  });

  it('says what to do where a run is not there', async () => {
    await signIn('/runs/01920000-0000-7000-8000-999999999999');
    await shows('There is no such run.');
    await page.goto(`${services.console.url}/assets/nothing`);
    expect(await page.innerText('body')).toContain('not_found');
  });

  it('says what fails, keeps what it has, and goes on by itself once it can', async () => {
    services.exceptions.set('/v1/runs', (_arrived, response) =>
      sendProblem(response, 503, 'storage_unavailable', 'The database cannot be reached right now. Try again.'),
    );
    await signIn();
    await shows('Could not load the runs.');
    await shows('The database cannot be reached right now. Try again.');
    await shows('request req-1');
    services.exceptions.clear();
    await shows('25 runs on this page');
    services.exceptions.set('/v1/runs', (_arrived, response) => response.destroy());
    await shows(/^This may be out of date: The service "lineage" cannot be reached right now/);
    expect(await page.getByText('25 runs on this page').count()).toBe(1);
  });

  it('says what a key may not see', async () => {
    services.exceptions.set('/v1/runs', (_arrived, response) =>
      sendProblem(response, 403, 'forbidden', 'This needs a key with the scope "read".'),
    );
    await signIn();
    await shows('You may not see the runs.');
    await shows('This needs a key with the scope "read".');
    await page.getByRole('button', { name: 'Sign in with another key' }).click();
    await page.getByLabel('API key').waitFor();
  });

  it('asks for a key again once the one in use is revoked, and leaves nothing of the run behind', async () => {
    await openRun(RUNS.overfitting);
    services.exceptions.set('/v1/status', (_arrived, response) =>
      sendProblem(response, 401, 'unauthenticated', 'This key is unknown, expired or revoked.'),
    );
    await page.getByLabel('API key').waitFor();
    await shows('This key is unknown, expired or revoked.');
    expect(await page.innerText('main')).not.toContain('overfit-full');
  });

  it('shows what another version leaves out or calls otherwise', async () => {
    const path = `/v1/runs/${RUNS.overfitting}`;
    const strange = {
      run_id: RUNS.overfitting,
      state: 'paused',
      progress: null,
      inputs: 'none',
      checkpoints: [null, 7],
    };
    services.exceptions.set(path, (_arrived, response) => sendJson(response, strange));
    services.exceptions.set(`${path}/metrics`, (_arrived, response) =>
      sendJson(response, { series: [{ points: [7] }] }),
    );
    services.exceptions.set(`${path}/gates`, (_arrived, response) =>
      sendJson(response, { items: [{ overall: 'deferred', gates: [{ id: 'G7', verdict: 'pending' }] }] }),
    );
    await signIn(`/runs/${RUNS.overfitting}`);
    await shows('paused');
    await shows('deferred');
    await shows('pending');
    expect(complaints).toEqual([]);
  });

  it.each(['light', 'dark'] as const)(
    'keeps to WCAG 2.2 AA in the %s scheme, as far as a program can tell',
    async (colorScheme) => {
      await openContext({ colorScheme });
      await page.goto(services.console.url);
      expect(await findViolations()).toEqual([]);
      await signIn();
      await shows('25 runs on this page');
      await shows('1,284 records');
      expect(await findViolations()).toEqual([]);
      await page.getByRole('link', { name: 'lr-too-high' }).click();
      await shows('3 points cannot be drawn');
      await page.getByText('loss as a table').click();
      await page.getByText('2 inputs').click();
      await page.getByText('2 files').click();
      expect(await findViolations()).toEqual([]);
    },
  );

  async function findViolations(): Promise<string[]> {
    await page.evaluate(axe);
    return page.evaluate(async () => {
      type Found = { violations: { id: string; nodes: { html: string }[] }[] };
      const { axe: check } = globalThis as unknown as { axe: { run(options: object): Promise<Found> } };
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
      const { violations } = await check.run({ runOnly: tags });
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
    });
  }

  it('can be used on a narrow screen without scrolling the page sideways', async () => {
    await openContext({ viewport: { width: 360, height: 740 } });
    await openRun(RUNS.overfitting);
    await waitFor('a page no wider than the screen', () =>
      page.evaluate(() => document.documentElement.scrollWidth <= 360),
    );
  });
});
