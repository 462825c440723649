import { TestServer } from '@runseal/testing';
import { digestOf, idOf, SampleModel, SampleRun, type SampleEvent } from './events.fixture.js';
import type { ArtifactAnswer, EdgeClass, GraphAnswer } from './graph-answers.js';
import { LineageDatabase } from './lineage-database.fixture.js';
import { MemoryLedger } from './memory-ledger.fixture.js';
import { Lineage } from './lineage.js';
import { LiveRuns } from './live-runs.js';
import { ShowArtifact, ShowArtifactHandler } from './show-artifact.js';
import { WalkGraph, WalkGraphHandler } from './walk-graph.js';

let server: TestServer;
let database: LineageDatabase;

beforeAll(async () => {
  server = await TestServer.start();
  database = await LineageDatabase.open(server);
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.remove();
});

/** The queries on what a ledger was projected to. */
async function lineageOf(ledger: MemoryLedger): Promise<Lineage> {
  await database.clear();
  const projector = await database.project(ledger);
  const { pool } = database;
  return new Lineage({
    ...{ ledger: 'default', pool, source: ledger, live: new LiveRuns({ ledger: 'default', pool }) },
    reader: { findPosition: () => projector.readPosition() } as never,
    close: () => Promise.resolve(),
  });
}

interface Walk {
  readonly depth?: number;
  readonly limit?: number;
  readonly classes?: readonly EdgeClass[];
  readonly asOf?: number;
}

// The golden fixture: D1v1 -> D1v2 by content only (no event derives yet), D2v1, bases B1 and B2, five runs.
const FILE_OF_B1 = digestOf('B1/model.safetensors');
const COMMIT = 'c'.repeat(40);
const REVISION = 'b'.repeat(40);
const runs = Object.fromEntries([1, 2, 3, 4, 5].map((number) => [`R${number}`, new SampleRun(number)])) as Record<
  'R1' | 'R2' | 'R3' | 'R4' | 'R5',
  SampleRun
>;
const { R1, R2, R3, R4, R5 } = runs;
const M1v1 = new SampleModel('M1', 1, 0x800000);
const M1v2 = new SampleModel('M1', 2, 0x810000);
const M2v1 = new SampleModel('M2', 1, 0x820000);
const M3v1 = new SampleModel('M3', 1, 0x830000);
const verdicts = new Map<SampleRun, SampleEvent>();

function story(): { ledger: MemoryLedger; afterM1: number; beforeM2: number } {
  const ledger = new MemoryLedger();
  const judge = (run: SampleRun, weights: string) => {
    const judged = run.judged();
    verdicts.set(run, judged);
    ledger.seal(run.evaluated(weights, digestOf('D3v1')), judged);
  };
  const train = (run: SampleRun, inputs: readonly SampleEvent[], adapter: string | null) => {
    ledger.seal(
      run.started({ name: `R${run.number}` }),
      run.begins(),
      ...inputs,
      run.dataset('test', digestOf('D3v1'), { name: 'D3v1' }),
      run.config(digestOf(`config ${run.number}`), COMMIT),
      run.event('run.environment-recorded', { image_digest: digestOf('image'), lock_digest: null }),
    );
    if (adapter === null) ledger.seal(run.event('run.failed', {}));
    else ledger.seal(run.output(digestOf(adapter), [{ path: 'LICENSE', digest: digestOf('LICENSE') }]), run.finished());
  };
  const base1 = (run: SampleRun) => run.baseModel(digestOf('B1'), { source: 'hub/base', revision: REVISION });
  ledger.seal({
    type: 'artifact.registered',
    stream: `artifact/${digestOf('B1')}`,
    payload: {
      ...{ form: 'folder', kind: 'base_model', name: 'B1', location: null, size_bytes: 2, run: null, asserted: [] },
      files: [
        { path: 'model.safetensors', digest: FILE_OF_B1, size_bytes: 1 },
        { path: 'LICENSE', digest: digestOf('LICENSE'), size_bytes: 1 },
      ],
    },
  });
  const promote = (model: SampleModel, run: SampleRun, adapter: string) =>
    ledger.seal(
      model.registered(run.run, digestOf(adapter)),
      model.moved('Candidate', verdicts.get(run)?.id as string),
      model.moved('Staging'),
    );
  const approve = (model: SampleModel) =>
    ledger.seal(
      model.approved('p_bbbbbbbbbbbbbbbbbbbbbbbbbb'),
      model.approved('p_cccccccccccccccccccccccccc'),
      model.moved('Production'),
    );
  train(R1, [base1(R1), R1.dataset('train', digestOf('D1v1'))], 'A1');
  judge(R1, digestOf('A1'));
  promote(M1v1, R1, 'A1');
  const afterM1 = approve(M1v1);
  train(
    R2,
    [base1(R2), R2.dataset('train', digestOf('D1v2')), R2.dataset('train', digestOf('D2v1'), { name: 'D2' })],
    'A2',
  );
  judge(R2, digestOf('A2'));
  promote(M1v2, R2, 'A2');
  train(R3, [R3.baseModel(digestOf('A1')), R3.dataset('train', digestOf('D2v1'))], 'A3');
  judge(R3, digestOf('A3'));
  const beforeM2 = promote(M2v1, R3, 'A3');
  approve(M2v1);
  train(R4, [R4.baseModel(digestOf('B2')), R4.dataset('train', digestOf('D1v2'))], null);
  train(R5, [R5.baseModel(digestOf('B2')), R5.dataset('train', digestOf('D2v1'))], 'A5');
  judge(R5, digestOf('A5'));
  promote(M3v1, R5, 'A5');
  ledger.seal(M3v1.moved('Archived'));
  return { ledger, afterM1, beforeM2 };
}

/** Names for the nodes of the story, so that expectations can be read. */
const names = new Map<string, string>([
  ...['B1', 'B2', 'D1v1', 'D1v2', 'D2v1', 'D3v1', 'A1', 'A2', 'A3', 'A5', 'image', 'LICENSE'].map(
    (name): [string, string] => [digestOf(name), name],
  ),
  ...[1, 2, 3, 4, 5].map((number): [string, string] => [digestOf(`config ${number}`), `config ${number}`]),
  ...Object.entries(runs).map(([name, { run }]): [string, string] => [`run:${run}`, name]),
  ['model:M1:1', 'M1v1'],
  ['model:M1:2', 'M1v2'],
  ['model:M2:1', 'M2v1'],
  ['model:M3:1', 'M3v1'],
  [`git:${COMMIT}`, 'commit'],
  [`revision:hub/base@${REVISION}`, 'B1 at the hub'],
  [FILE_OF_B1, 'B1/model.safetensors'],
]);

describe('the graph', () => {
  let lineage: Lineage;
  let marks: ReturnType<typeof story>;
  beforeAll(async () => {
    marks = story();
    lineage = await lineageOf(marks.ledger);
  });

  const walk = (direction: GraphAnswer['direction'], start: string, { asOf, ...more }: Walk = {}) => {
    const limits = { classes: ['influence'] as const, depth: 100, limit: 500, ...more };
    const moment = asOf === undefined ? undefined : { seq: asOf };
    return new WalkGraphHandler(lineage).execute(new WalkGraph(start, direction, limits, moment));
  };
  const namesOf = ({ nodes }: GraphAnswer) =>
    nodes.filter(({ depth }) => depth > 0).map(({ id, kind }) => names.get(id) ?? kind);
  const upstream = async (start: string, more: Walk = {}) => namesOf(await walk('ancestry', start, more)).sort();
  const downstream = async (start: string, more: Walk = {}) => namesOf(await walk('descendants', start, more)).sort();
  const modelsBelow = async (start: string, more: Walk = {}) => {
    const { nodes } = await walk('descendants', start, more);
    return nodes.filter(({ kind }) => kind === 'model_version').map(({ id, stage }) => [names.get(id), stage]);
  };

  it('Q1: leads from a model to all that it learned from, and to nothing that only judged it', async () => {
    expect(await upstream('model:M2:1')).toEqual(
      ['A1', 'A3', 'B1', 'B1 at the hub', 'D1v1', 'D2v1', 'R1', 'R3', 'commit', 'config 1', 'config 3', 'image'].sort(),
    );
    const all = await upstream('model:M2:1', { classes: ['influence', 'governance'] });
    expect(all).toEqual(expect.arrayContaining(['D3v1', 'approval', 'evaluation', 'verdict']));
    expect(all.filter((name) => name === 'approval')).toHaveLength(2);
  });

  it('Q2: stops at a depth and says that there is more', async () => {
    const answer = await walk('ancestry', 'model:M2:1', { depth: 2 });
    expect(namesOf(answer)).toEqual(['A3', 'R3']);
    expect(answer).toMatchObject({ total: 3, truncated: true, truncated_by: ['depth'] });
    const deeper = await walk('ancestry', 'model:M2:1', { depth: 3 });
    expect(namesOf(deeper).slice(2).sort()).toEqual(['A1', 'D2v1', 'commit', 'config 3', 'image']);
  });

  it('Q2b: tells who learned from the test set from who was judged on it', async () => {
    expect(await modelsBelow(digestOf('D3v1'))).toEqual([]);
    const judged = await modelsBelow(digestOf('D3v1'), { classes: ['governance'] });
    expect(judged.map(([name]) => name).sort()).toEqual(['M1v1', 'M1v2', 'M2v1', 'M3v1']);
  });

  it('Q4 to Q6: finds the models that a data set went into, directly and by way of others', async () => {
    expect((await modelsBelow(digestOf('D1v1'))).map(([name]) => name)).toEqual(['M1v1', 'M2v1']);
    expect((await modelsBelow(digestOf('D2v1'))).map(([name]) => name)).toEqual(['M1v2', 'M2v1', 'M3v1']);
  });

  it('Q7 and Q8: says at which stage the models are that carry a base', async () => {
    const carrying = [
      ['M1v1', 'Production'],
      ['M1v2', 'Staging'],
      ['M2v1', 'Production'],
    ];
    expect(await modelsBelow(digestOf('B1'))).toEqual(carrying);
    expect(await modelsBelow(digestOf('B2'))).toEqual([['M3v1', 'Archived']]);
    const { nodes } = await walk('descendants', digestOf('B2'));
    expect(nodes.find(({ id }) => names.get(id) === 'R4')).toMatchObject({ kind: 'run', label: 'R4', state: 'failed' });
  });

  it('Q9 and Q10: finds the same by an alias of a base, and by one file in it', async () => {
    const expected = await modelsBelow(digestOf('B1'));
    for (const name of [`revision:hub/base@${REVISION}`, `hub/base@${REVISION}`, REVISION, FILE_OF_B1]) {
      expect(await modelsBelow(name)).toEqual(expected);
    }
    expect((await walk('descendants', COMMIT)).start).toBe(`git:${COMMIT}`);
  });

  it('keeps models apart that have a file in common', async () => {
    expect(await downstream(digestOf('A5'))).toEqual(['M3v1']);
    const { edges } = await walk('descendants', digestOf('LICENSE'));
    expect(edges.filter(({ kind }) => kind === 'part_of')).toHaveLength(5);
  });

  it('Q11 and Q12: answers as of an earlier record', async () => {
    const { afterM1, beforeM2 } = marks;
    expect(await modelsBelow(digestOf('B1'), { asOf: afterM1 })).toEqual([['M1v1', 'Production']]);
    expect(await modelsBelow(digestOf('B1'), { asOf: afterM1 - 1 })).toEqual([['M1v1', 'Staging']]);
    expect(await modelsBelow(digestOf('B1'), { asOf: beforeM2 })).toEqual([
      ['M1v1', 'Production'],
      ['M1v2', 'Staging'],
      ['M2v1', 'Staging'],
    ]);
    await expect(walk('descendants', digestOf('B2'), { asOf: afterM1 })).rejects.toThrow('knows nothing named');
  });

  it('shows the nearest nodes within the limit, and says how many there are', async () => {
    const whole = await walk('descendants', digestOf('B1'));
    const answer = await walk('descendants', digestOf('B1'), { limit: 4 });
    expect(answer.nodes).toEqual(whole.nodes.slice(0, 4));
    expect(answer).toMatchObject({ total: whole.nodes.length, truncated: true, truncated_by: ['limit'] });
    const ids = new Set(answer.nodes.map(({ id }) => id));
    expect(answer.edges.length).toBeGreaterThan(0);
    for (const { from, to } of answer.edges) expect([ids.has(from), ids.has(to)]).toEqual([true, true]);
  });

  it('tells what content is, who made it, who took it in, and what it became', async () => {
    const show = (artifact: string, asOf?: number): Promise<ArtifactAnswer> =>
      new ShowArtifactHandler(lineage).execute(
        new ShowArtifact(artifact, asOf === undefined ? undefined : { seq: asOf }),
      );
    expect(await show(digestOf('A1'))).toMatchObject({
      digest: digestOf('A1'),
      form: 'folder',
      made_by: [{ run_id: R1.run, role: 'lora', through: null, state: 'finished', overall: 'passed' }],
      used_by: [{ run_id: R3.run, role: 'base_model' }],
      model_versions: [
        {
          ...{ name: 'M1', version: 1, stage: 'Production' },
          approvals: [{ by: 'p_bbbbbbbbbbbbbbbbbbbbbbbbbb' }, { by: 'p_cccccccccccccccccccccccccc' }],
        },
      ],
    });
    expect((await show(digestOf('A1'), marks.afterM1)).used_by).toEqual([]);
    expect(await show(FILE_OF_B1)).toMatchObject({
      part_of: [{ digest: digestOf('B1'), path: 'model.safetensors' }],
      used_by: [
        { run_id: R1.run, through: digestOf('B1') },
        { run_id: R2.run, through: digestOf('B1') },
      ],
    });
    expect(await show(digestOf('D3v1'))).toMatchObject({
      used_by: expect.arrayContaining([{ ...anyRun, role: 'test' }]),
    });
    await expect(show(digestOf('nobody knows this'))).rejects.toThrow('knows nothing named');
  });
  const anyRun = {
    ...{ run_id: expect.any(String), name: expect.any(String), state: expect.any(String), overall: 'passed' },
    ...{ through: null, seq: expect.any(Number) },
  };
});

describe('the graph of awkward stories', () => {
  const walkOf = async (ledger: MemoryLedger, direction: GraphAnswer['direction'], start: string, asOf?: number) => {
    const lineage = await lineageOf(ledger);
    const limits = { classes: ['influence'] as const, depth: 100, limit: 2_000 };
    const moment = asOf === undefined ? undefined : { seq: asOf };
    return new WalkGraphHandler(lineage).execute(new WalkGraph(start, direction, limits, moment));
  };

  it('Q18: makes one node of bytes that two runs made, and leads to both versions', async () => {
    const ledger = new MemoryLedger();
    const [one, two] = [new SampleRun(1), new SampleRun(2)];
    ledger.seal(one.output(digestOf('same')), two.output(digestOf('same')));
    ledger.seal(new SampleModel('A', 1, 1).registered(one.run, digestOf('same')));
    ledger.seal(new SampleModel('B', 1, 100).registered(two.run, digestOf('same')));
    const { nodes } = await walkOf(ledger, 'descendants', one.run);
    expect(nodes.map(({ id }) => id)).toEqual([`run:${one.run}`, digestOf('same'), 'model:A:1', 'model:B:1']);
  });

  it('takes an input back that a later event corrects, and keeps it as of before', async () => {
    const ledger = new MemoryLedger();
    const run = new SampleRun(1);
    const first = ledger.seal(run.started(), run.dataset('train', digestOf('wrong')));
    const second = ledger.seal(run.dataset('train', digestOf('right')));
    const above = async (asOf?: number) =>
      (await walkOf(ledger, 'ancestry', run.run, asOf)).nodes.slice(1).map(({ id }) => id);
    expect(await above(first)).toEqual([digestOf('wrong')]);
    expect(await above(second)).toEqual([digestOf('right')]);
    expect(await above()).toEqual([digestOf('right')]);
  });

  it('leads from a folder to the run that took one of its files in, whichever was recorded first', async () => {
    const [maker, user] = [new SampleRun(1), new SampleRun(2)];
    const files = [
      { path: 'adapter.safetensors', digest: digestOf('tensors') },
      { path: 'LICENSE', digest: digestOf('LICENSE') },
    ];
    const made = maker.output(digestOf('folder'), files);
    const used = user.baseModel(digestOf('tensors'));
    for (const events of [
      [made, used],
      [used, made],
    ]) {
      const ledger = new MemoryLedger();
      ledger.seal(...events);
      const { nodes } = await walkOf(ledger, 'descendants', maker.run);
      expect(nodes.map(({ id }) => id)).toEqual([
        `run:${maker.run}`,
        digestOf('folder'),
        digestOf('tensors'),
        `run:${user.run}`,
      ]);
    }
  });

  it('joins a base known by its digest and one known by its full commit at the hub only where somebody recorded both', async () => {
    const revision = 'd'.repeat(40);
    const [both, hub, digest] = [new SampleRun(1), new SampleRun(2), new SampleRun(3)];
    const ledger = new MemoryLedger();
    ledger.seal(hub.baseModel(null, { source: 'hub/x', revision }), digest.baseModel(digestOf('x')));
    expect((await walkOf(ledger, 'descendants', digestOf('x'))).total).toBe(2);
    ledger.seal(both.baseModel(digestOf('x'), { source: 'hub/x', revision }));
    const { nodes } = await walkOf(ledger, 'descendants', digestOf('x'));
    expect(nodes.filter(({ kind }) => kind === 'run').map(({ id }) => id)).toEqual(
      expect.arrayContaining([both, hub, digest].map(({ run }) => `run:${run}`)),
    );
    const main = new MemoryLedger();
    main.seal(hub.baseModel(null, { source: 'hub/x', revision: 'main' }));
    main.seal(both.baseModel(digestOf('x'), { source: 'hub/x', revision: 'main' }));
    expect((await walkOf(main, 'descendants', digestOf('x'))).total).toBe(2);
  });

  it('meets each node of a ladder of diamonds once, with its true distance', async () => {
    const [levels, width] = [30, 10];
    const artifact = (level: number, place: number) => digestOf(`level ${level} place ${place}`);
    const ledger = new MemoryLedger();
    // Each run takes in a whole level and makes one artifact of the next.
    for (let level = 1; level < levels; level += 1) {
      for (let place = 0; place < width; place += 1) {
        const run = new SampleRun(level * 100 + place);
        for (let from = 0; from < width; from += 1) {
          ledger.seal(run.dataset('train', artifact(level - 1, from), { name: `${from}` }));
        }
        ledger.seal(run.output(artifact(level, place)));
      }
    }
    const lineage = await lineageOf(ledger);
    const started = performance.now();
    const limits = { classes: ['influence'] as const, depth: 100, limit: 2_000 };
    const answer = await new WalkGraphHandler(lineage).execute(new WalkGraph(artifact(0, 0), 'descendants', limits));
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(answer).toMatchObject({ total: 1 + 2 * width * (levels - 1), truncated: false });
    expect(Math.max(...answer.nodes.map(({ depth }) => depth))).toBe(2 * (levels - 1));
  }, 60_000);

  it('gives nobody a path through a model whose inputs are unknown', async () => {
    const ledger = new MemoryLedger();
    const run = new SampleRun(1);
    ledger.seal(run.baseModel(null, { source: 'hub/x', revision: 'main' }), run.output(digestOf('out')), {
      ...run.started(),
      id: idOf(77),
    });
    const { nodes } = await walkOf(ledger, 'ancestry', digestOf('out'));
    expect(nodes.map(({ id }) => id)).toEqual([digestOf('out'), `run:${run.run}`, 'revision:hub/x@main']);
    expect(nodes[2]).toMatchObject({ kind: 'revision', label: 'hub/x@main' });
  });
});
