import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { openDirectConnection, openPool, type DirectConnection } from '@runseal/postgres';
import { digestTables, rebuild, schemaOf } from '@runseal/projections';
import { LedgerRecordSource } from '@runseal/ledger';
import { findFreePort, TestServer, waitFor } from '@runseal/testing';
import { registryProjection } from './projection.js';
import { newName, Site } from './registry-site.fixture.js';
import { verdictOn, wholeRun } from './whole-run.fixture.js';

const mainFile = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const SCHEMA = schemaOf(registryProjection);
const GATES = 'p_'.padEnd(28, 'g');
const TRAINER = 'p_'.padEnd(28, 't');

/** `dist/main.js` as a process of its own, which tests kill. */
class RegistryProcess {
  output = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;

  constructor(site: Site, port: number) {
    const env = {
      DATABASE_URL: site.urlAs('registry'),
      RUNSEAL_HEADS_DIR: site.headsFolder,
      PORT: String(port),
      MANAGEMENT_PORT: '0',
    };
    this.child = spawn(process.execPath, [mainFile], { env });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.ended = new Promise((resolve) => this.child.once('close', () => resolve()));
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

describe('a registry that is killed with SIGKILL', () => {
  let server: TestServer;
  let site: Site;
  /** Whoever holds the head of the ledger, so that sealing waits. */
  let holder: DirectConnection;
  let running: RegistryProcess[] = [];

  beforeAll(async () => {
    server = await TestServer.start(18);
    site = await Site.open(server);
    holder = await openDirectConnection(site.url, 'test-holder');
  }, 60_000);
  afterEach(async () => {
    await Promise.all(running.map((one) => one.kill()));
    running = [];
  });
  afterAll(async () => {
    await holder?.end();
    await site?.close();
    await server?.remove();
  });

  const start = async () => {
    const port = await findFreePort();
    const one = new RegistryProcess(site, port);
    running.push(one);
    await waitFor(`registry to live; it said: ${one.output}`, async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/health/live`).catch(() => null);
      return answer?.ok === true;
    });
    return one;
  };
  /** The backend that waits for the head with a call of seal. */
  const findWaiting = async () => {
    const { rows } = await site.superuser.query<{ pid: number }>(
      `select pid from pg_stat_activity
       where application_name = 'runseal-registry-seal' and wait_event_type = 'Lock' and query like '%ledger.seal%'`,
    );
    return rows[0]?.pid ?? null;
  };
  const isGone = async (pid: number) => {
    const { rowCount } = await site.superuser.query('select from pg_stat_activity where pid = $1', [pid]);
    return rowCount === 0;
  };
  const changesOf = async (model: string) =>
    (await site.records(`model/${model}`)).filter(({ type }) => type === 'model.stage-changed');
  const position = async () => {
    const { rows } = await site.superuser.query<{ seq: number }>(`select seq from ${SCHEMA}.position`);
    return rows[0]?.seq;
  };
  const settled = () =>
    waitFor('the registry to come to the end of the ledger', async () => {
      const { rowCount } = await site.superuser.query(`select from ${SCHEMA}.dues`);
      return rowCount === 0 && (await position()) === (await site.anchor()).seq;
    });

  it.each([
    ['before it sealed what was due', true],
    ['after it sealed what was due, before it knew', false],
  ])(
    '%s has sealed it once after its next start',
    async (_when, isLost) => {
      const [model, run] = [newName(), randomUUID()];
      const first = await start();
      await site.seal(wholeRun({ run, weights: `sha256:${'1'.repeat(64)}`, model }), TRAINER);
      await settled();
      // Whoever seals next waits for the head: the position is committed by then, the event is not.
      const seq = await site.whileReaderWaits(async () => {
        const verdict = await site.seal([verdictOn(run)], GATES);
        await holder.query('begin');
        await holder.query('select from ledger.ledgers for update');
        return verdict.seq;
      });
      const pid = await waitFor('a call of seal that waits for the head', findWaiting);
      expect(await position()).toBe(seq);
      await first.kill();
      if (isLost) await site.superuser.query('select pg_terminate_backend($1)', [pid]);
      await holder.query('rollback');
      await waitFor('the call of seal to end', () => isGone(pid));
      expect(await changesOf(model)).toHaveLength(isLost ? 0 : 1);

      await start();
      await settled();
      const changes = await changesOf(model);
      expect(changes.map(({ payload }) => payload)).toMatchObject([{ from: 'None', to: 'Candidate' }]);
    },
    60_000,
  );

  it('keeps tables that a rebuild makes again to the byte', async () => {
    await start();
    await settled();
    await running.pop()?.kill();
    const pool = openPool({ url: site.urlAs('registry'), applicationName: 'test-rebuild', searchPath: SCHEMA });
    const before = await digestTables(pool, SCHEMA);
    const source = new LedgerRecordSource(pool);
    const report = await rebuild({ pool, projection: registryProjection, ledger: 'default', source });
    await pool.end();
    expect([report.outcome, report.differing]).toEqual(['swapped', []]);
    expect(report.after).toEqual(before);
  }, 60_000);
});
