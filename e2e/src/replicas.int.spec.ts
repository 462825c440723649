import { TestServer, waitFor } from '@runseal/testing';
import { Load } from './load.fixture.js';
import { Site, type IngestProcess } from './site.fixture.js';

let server: TestServer;
let site: Site;
let replicas: IngestProcess[];
let load: Load;

const headsBy = (one: IngestProcess) => one.linesOf('head published').map(({ number }) => number as number);
/** The replica that published the newest head that any log tells of. */
const leader = () =>
  replicas.reduce((best, one) => (Math.max(-1, ...headsBy(one)) > Math.max(-1, ...headsBy(best)) ? one : best));

beforeAll(async () => {
  server = await TestServer.start();
  site = await Site.open(await server.createDatabase());
  replicas = await Promise.all([1, 2, 3].map(() => site.start()));
  load = new Load(site.key);
  startLoad();
}, 60_000);

afterAll(async () => {
  replicas?.forEach((one) => one.signal('SIGCONT'));
  await site?.close();
  await server?.remove();
});

const startLoad = () => replicas.forEach((one) => load.start(2, () => one.url));

/** Lets the ledger come to rest, so that a head over all of it is published soon. */
const rest = async (limit_ms: number) => {
  await load.stop();
  const size = (await site.records()).length;
  await waitFor('a head over all records', async () => (await site.headSize()) === size, limit_ms);
};

describe('three replicas on one ledger', () => {
  it('all seal, and one of them signs', async () => {
    for (const one of replicas) {
      const own = new Load(site.key);
      own.start(1, () => one.url);
      await own.grows(10);
      await own.stop();
      load.acknowledged.push(...own.acknowledged);
    }
    await load.grows(300);
    await rest(15_000);
    expect(replicas.filter((one) => headsBy(one).length > 0)).toHaveLength(1);
  }, 30_000);

  it('go on sealing and signing while one of them is paused in the middle, the signer too', async () => {
    const paused = leader();
    const others = replicas.filter((one) => one !== paused);
    startLoad();
    await load.grows(20);
    paused.signal('SIGSTOP');
    const beside = new Load(site.key);
    for (const one of others) beside.start(1, () => one.url);
    await beside.grows(100);
    await beside.stop();
    // Another one signs once Postgres has heard nothing of the paused one for 10 s.
    await waitFor('a head by another replica', () => others.some((one) => headsBy(one).length > 0), 40_000);
    load.acknowledged.push(...beside.acknowledged);
    const before = headsBy(paused).length;
    paused.signal('SIGCONT');
    await load.grows(100);
    await rest(15_000);
    // It had lost the lead unawares, and does not take it back.
    expect(headsBy(paused)).toHaveLength(before);
  }, 90_000);

  it('hand over at once when the signer is killed', async () => {
    const killed = leader();
    const others = replicas.filter((one) => one !== killed);
    const { port } = killed;
    const before = others.flatMap(headsBy).length;
    startLoad();
    await load.grows(20);
    await killed.kill();
    await load.stop();
    await waitFor('a head by another replica', () => others.flatMap(headsBy).length > before, 15_000);
    replicas = [...others, await site.start({ port })];
    startLoad();
    await load.grows(50);
  }, 60_000);

  it('have made one chain in the end, with every acknowledged event and one head a number', async () => {
    await load.stop();
    await load.expectKept(() => site.records(), replicas[0]!.url);
    await site.expectIntact();
    const numbers = site.processes.flatMap(headsBy);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const one of site.processes) expect(one.output).not.toContain('BrokenLedgerError');
  }, 60_000);
});
