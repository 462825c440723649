import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describeOnEachPostgres, TestServer, waitFor } from '@runseal/testing';
import type { Receipt } from './seal-batch.js';
import { findChainFaults, TestDatabase, type TestLedger } from './test-database.fixture.js';

const SCRIPT = fileURLToPath(new URL('./sealing-process.fixture.mjs', import.meta.url));

/** A process that seals into the ledger, and the receipts that it has told of. */
class SealingProcess {
  readonly receipts: Receipt[] = [];
  private words = '';
  private readonly child: ChildProcess;
  private readonly exit: Promise<number | string | null>;

  constructor(ledger: TestLedger, anchor: unknown) {
    const args = [SCRIPT, ledger.database.urlAs('runseal_ingest'), ledger.name, JSON.stringify(anchor)];
    const { NODE_OPTIONS: _, ...env } = process.env; // Jest's own options are not for this process
    this.child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
    let rest = '';
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      this.receipts.push(...lines.map((line) => JSON.parse(line) as Receipt));
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.words += text));
    this.exit = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal)));
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until so many more receipts were told of than now. */
  async grows(by: number): Promise<void> {
    const wanted = this.receipts.length + by;
    await waitFor(
      `${wanted} receipts of process ${this.child.pid}; it said: ${this.words}`,
      () => this.receipts.length >= wanted,
    );
  }

  /** Lets it end what it is at, and asserts that it ended by itself. */
  async stop(): Promise<void> {
    this.child.stdin!.end();
    expect([await this.exit, this.words]).toEqual([0, '']);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    expect(await this.exit).toBe('SIGKILL');
  }
}

describeOnEachPostgres('processes that seal into one ledger at once', (version) => {
  let server: TestServer;
  let database: TestDatabase;
  let ledger: TestLedger;
  let sealing: SealingProcess[] = [];

  const startSealing = async (count: number) => {
    ledger = await database.openLedger();
    const anchor = await ledger.anchor();
    sealing = Array.from({ length: count }, () => new SealingProcess(ledger, anchor));
    await Promise.all(sealing.map((one) => one.grows(9)));
  };

  beforeAll(async () => {
    server = await TestServer.start(version);
    database = await TestDatabase.open(await server.createDatabase());
    await startSealing(6);
  }, 30_000);
  afterAll(async () => {
    sealing.forEach((one) => one.signal('SIGKILL'));
    await database.close();
    await server.remove();
  });

  /** Every receipt is the stored record, no event is stored twice, and the chain is whole. */
  const expectIntact = async () => {
    const told = sealing.flatMap(({ receipts }) => receipts);
    const records = await ledger.records();
    expect(findChainFaults(records)).toEqual([]);
    expect(new Set(records.map(({ event_id }) => event_id)).size).toBe(records.length);
    const unlike = told.filter(({ id, seq, hash }) => {
      const record = records[seq];
      return record?.event_id !== id || record.hash.toString('hex') !== hash;
    });
    expect(unlike).toEqual([]);
    expect(new Set(told.map(({ seq }) => seq)).size).toBe(told.length);
    return { records, told };
  };

  it('make one chain without a fork or a hole, in which every receipt is its record', async () => {
    await Promise.all(sealing.map((one) => one.grows(60)));
    const { records } = await expectIntact();
    const order = records.slice(1).map(({ payload }) => JSON.parse(payload!.toString()).process as number);
    const changes = order.filter((pid, index) => pid !== order[index - 1]).length;
    expect(changes).toBeGreaterThan(20); // they really sealed at once, not one after the other
  }, 30_000);

  it('are not stopped by one that is paused in the middle, and that one goes on where it was', async () => {
    const [paused, ...others] = sealing;
    paused!.signal('SIGSTOP');
    await Promise.all(others.map((one) => one.grows(60)));
    paused!.signal('SIGCONT');
    await paused!.grows(30);
    await expectIntact();
  }, 30_000);

  it('lose and double nothing when Postgres is killed under load and started again', async () => {
    for (let round = 0; round < 2; round += 1) {
      await server.server.stop('SIGKILL');
      await server.server.start();
      await Promise.all(sealing.map((one) => one.grows(30)));
    }
    await Promise.all(sealing.map((one) => one.stop()));
    const { records, told } = await expectIntact();
    // But for ledger.opened, which had its receipt before: every retry got its first receipt, none was sealed anew.
    expect(records).toHaveLength(told.length + 1);
    expect(await ledger.head()).toMatchObject({ size: records.length, newest_hash: records.at(-1)!.hash });
  }, 60_000);

  it('lose nothing that a killed one was told, and go on', async () => {
    await startSealing(2);
    const [victim, other] = sealing;
    await victim!.kill();
    await other!.grows(60);
    await other!.stop();
    await expectIntact();
  }, 30_000);
});
