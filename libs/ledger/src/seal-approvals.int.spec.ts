import { randomUUID } from 'node:crypto';
import { openPool, type Pool } from '@runseal/postgres';
import { describeOnEachPostgres, TestServer } from '@runseal/testing';
import type { EventToSeal, SealOutcome } from './seal-batch.js';
import { codeOf, event, payloadOf, receiptsOf, TestDatabase, type TestLedger } from './test-database.fixture.js';

const person = (letter: string) => `p_${letter.repeat(26)}`;
const [TRAINER, ASKER, ADA, BEN, EVE] = ['t', 'a', 'c', 'd', 'e'].map(person) as [
  string,
  string,
  string,
  string,
  string,
];
const ARTIFACT = `sha256:${'1'.repeat(64)}`;

interface Said {
  readonly type: string;
  readonly stream?: string;
  readonly actor?: string;
  readonly id?: string;
  /** The payload; as a text, its exact bytes. */
  readonly says?: object | string;
}

describeOnEachPostgres('a stage change to Production', (version) => {
  let server: TestServer;
  let database: TestDatabase;
  let ledger: TestLedger;
  let pools: { ingest: Pool; gates: Pool; registry: Pool };

  beforeAll(async () => {
    server = await TestServer.start(version);
    database = await TestDatabase.open(await server.createDatabase());
    const as = (role: string) => openPool({ url: database.urlAs(role), applicationName: role });
    pools = { ingest: as('runseal_ingest'), gates: as('runseal_gates'), registry: as('runseal_registry') };
  }, 60_000);
  afterAll(async () => {
    await Promise.all(Object.values(pools).map((pool) => pool.end()));
    await database.close();
    await server.remove();
  });
  beforeEach(async () => {
    ledger = await database.openLedger();
    const name = randomUUID();
    run = randomUUID();
    model = `model/${name}`;
  });
  let run: string;
  let model: string;

  const roleOf = (type: string): keyof typeof pools => {
    if (type.startsWith('model.')) return 'registry';
    return /evaluated|overridden|accepted/.test(type) ? 'gates' : 'ingest';
  };
  const toEvent = ({ type, stream, id, says = {} }: Said): EventToSeal =>
    event({
      type,
      stream: stream ?? (type.startsWith('model.') ? model : `run/${run}`),
      payload: typeof says === 'string' ? Buffer.from(says) : payloadOf(says),
      ...(id && { id }),
    });
  const seal = async (...facts: readonly Said[]): Promise<SealOutcome | undefined> => {
    const [first] = facts;
    const request = { actor: first?.actor ?? EVE, events: facts.map(toEvent) };
    return (await ledger.seal([request], { by: pools[roleOf(first?.type ?? '')] }))[0];
  };
  /** Seals one event and tells where it lies. */
  const tell = async (said: Said) => {
    const [receipt] = receiptsOf(await seal(said));
    if (!receipt) throw new Error('no receipt');
    return { id: receipt.id, seq: receipt.seq, hash: receipt.hash };
  };
  const judge = (overall = 'passed') => tell({ type: 'run.gates-evaluated', says: { overall } });
  const register = (version: number, more: object = {}) =>
    tell({ type: 'model.version-registered', says: { version, run, artifact: { digest: ARTIFACT }, ...more } });
  const ask = (version: number, more: Partial<Said> = {}, to = 'Production') =>
    tell({ type: 'model.transition-requested', actor: ASKER, says: { version, from: 'Staging', to }, ...more });

  type Place = Awaited<ReturnType<typeof tell>>;
  type Decision = { version: number; request: string; artifact: string | null; verdict: Place | null };
  const approve = (actor: string, decision: Decision, more: Partial<Said> = {}) =>
    tell({ type: 'model.approval-given', actor, says: decision, ...more });
  const change = (decision: Decision, approvals: readonly Place[], more: object = {}): Said => {
    const { version, request, verdict } = decision;
    const ids = approvals.map(({ id }) => id);
    return {
      type: 'model.stage-changed',
      says: { version, from: 'Staging', to: 'Production', request, verdict, approvals: ids, reason: null, ...more },
    };
  };
  const lackingOf = (outcome: SealOutcome | undefined) =>
    outcome && 'refusal' in outcome ? (outcome.refusal['lacking'] ?? outcome.refusal.code) : 'nothing: it was sealed';

  /** A version that is one stage change away from Production. */
  const prepare = async (version = 4) => {
    await seal({ type: 'run.started', actor: TRAINER });
    const verdict = await judge();
    await register(version);
    const request = await ask(version);
    const decision: Decision = { version, request: request.id, artifact: ARTIFACT, verdict };
    return { decision, approvals: [await approve(ADA, decision), await approve(BEN, decision)] };
  };

  it('is sealed where two persons approved it, and its retry gets the first receipt whatever came after', async () => {
    const { decision, approvals } = await prepare();
    const wanted: Said = { ...change(decision, approvals), id: randomUUID() };
    const [first] = receiptsOf(await seal(wanted));
    expect(first).toMatchObject({ duplicate: false });
    await judge('blocked');
    await tell({ type: 'model.approval-refused', actor: EVE, says: decision });
    expect(receiptsOf(await seal(wanted))).toEqual([{ ...first, duplicate: true }]);
  });

  it('takes three approvals, and leaves changes to other stages alone', async () => {
    const { decision, approvals } = await prepare();
    for (const to of ['None', 'Candidate', 'Staging', 'Archived']) {
      const says = { version: 9, from: 'None', to, request: null, verdict: null, approvals: [], reason: null };
      expect(codeOf(await seal({ type: 'model.stage-changed', says }))).toBeNull();
    }
    const all = [...approvals, await approve(EVE, decision)];
    expect(codeOf(await seal(change(decision, all)))).toBeNull();
  });

  type Prepared = Awaited<ReturnType<typeof prepare>>;
  const approvalsBy = async (decision: Decision, ...actors: string[]) => {
    const places: Place[] = [];
    for (const actor of actors) places.push(await approve(actor, decision));
    return places;
  };
  /** Each way of cheating: what it lacks, and the change that is tried after it. */
  const cheats: Record<string, [lacking: string, cheat: (prepared: Prepared) => Promise<Said> | Said]> = {
    'one approval': ['approvals', ({ decision, approvals }) => change(decision, approvals.slice(1))],
    'no approval': ['approvals', ({ decision }) => change(decision, [])],
    'one person twice': [
      'approvals',
      async ({ decision, approvals }) => change(decision, [...approvals.slice(1), await approve(BEN, decision)]),
    ],
    'one approval named twice': [
      'approvals',
      ({ decision, approvals: [one] }) => change(decision, [one as Place, one as Place]),
    ],
    'an approval by the asker': [
      'approvals',
      async ({ decision }) => change(decision, await approvalsBy(decision, ADA, ASKER)),
    ],
    'an approval by the principal of the run': [
      'approvals',
      async ({ decision }) => change(decision, await approvalsBy(decision, ADA, TRAINER)),
    ],
    'the asker beside two others': [
      'approvals',
      async ({ decision, approvals }) => change(decision, [...approvals, await approve(ASKER, decision)]),
    ],
    'an approval by who overrode a gate before': [
      'approvals',
      async ({ decision, approvals }) => {
        await tell({ type: 'run.gate-overridden', actor: EVE });
        return change(decision, [...approvals.slice(1), await approve(EVE, decision)]);
      },
    ],
    'an approval by who overrides a gate afterwards': [
      'approvals',
      async ({ decision, approvals }) => {
        await tell({ type: 'run.gate-overridden', actor: BEN });
        return change(decision, approvals);
      },
    ],
    'approvals of another version': [
      'approvals',
      async ({ decision }) => change(decision, await approvalsBy({ ...decision, version: 5 }, ADA, BEN)),
    ],
    'approvals of another request': [
      'approvals',
      async ({ decision }) => {
        const other = { ...decision, request: (await ask(4)).id };
        return change(decision, await approvalsBy(other, ADA, BEN));
      },
    ],
    'approvals of another artifact': [
      'approvals',
      async ({ decision }) => {
        const other = { ...decision, artifact: `sha256:${'2'.repeat(64)}` };
        return change(decision, await approvalsBy(other, ADA, BEN));
      },
    ],
    'approvals of no artifact': [
      'approvals',
      async ({ decision }) => change(decision, await approvalsBy({ ...decision, artifact: null }, ADA, BEN)),
    ],
    'approvals of another verdict': [
      'approvals',
      async ({ decision }) => {
        const verdict = { ...(decision.verdict as Place), hash: '0'.repeat(64) };
        return change(decision, await approvalsBy({ ...decision, verdict }, ADA, BEN));
      },
    ],
    'approvals older than the request': [
      'approvals',
      async ({ decision }) => {
        const id = randomUUID();
        const approvals = await approvalsBy({ ...decision, request: id }, ADA, BEN);
        await ask(4, { id });
        return change({ ...decision, request: id }, approvals);
      },
    ],
    'approvals on the stream of another model': [
      'approvals',
      async ({ decision }) => {
        const stream = `model/${randomUUID()}`;
        const approvals = [await approve(ADA, decision, { stream }), await approve(BEN, decision, { stream })];
        return change(decision, approvals);
      },
    ],
    'events of another type as approvals': [
      'approvals',
      async ({ decision }) => {
        const type = 'model.tags-set';
        return change(decision, [
          await tell({ type, actor: ADA, says: decision }),
          await tell({ type, actor: BEN, says: decision }),
        ]);
      },
    ],
    'approvals that say their version twice': [
      'approvals',
      async ({ decision }) => {
        const says = `{"version":5,${JSON.stringify(decision).slice(1)}`;
        const type = 'model.approval-given';
        return change(decision, [await tell({ type, actor: ADA, says }), await tell({ type, actor: BEN, says })]);
      },
    ],
    'approvals that are not there': [
      'approvals',
      ({ decision, approvals: [one] }) => change(decision, [one as Place, { ...(one as Place), id: randomUUID() }]),
    ],
    'a verdict that was superseded': [
      'verdict',
      async ({ decision, approvals }) => {
        await judge();
        return change(decision, approvals);
      },
    ],
    'the newest verdict, which the approvals do not know': [
      'approvals',
      async ({ decision, approvals }) => change({ ...decision, verdict: await judge() }, approvals),
    ],
    'a newest verdict that blocks': [
      'verdict',
      async ({ decision }) => {
        const blocked = { ...decision, verdict: await judge('blocked') };
        return change(blocked, await approvalsBy(blocked, ADA, BEN));
      },
    ],
    'no verdict': ['verdict', ({ decision, approvals }) => change({ ...decision, verdict: null }, approvals)],
    'a verdict of the same place and another hash': [
      'verdict',
      ({ decision, approvals }) =>
        change({ ...decision, verdict: { ...(decision.verdict as Place), hash: 'f'.repeat(64) } }, approvals),
    ],
    'a request that somebody refused': [
      'open_request',
      async ({ decision, approvals }) => {
        await tell({ type: 'model.approval-refused', actor: EVE, says: decision });
        return change(decision, approvals);
      },
    ],
    'a request that the registry refused': [
      'open_request',
      async ({ decision, approvals }) => {
        await tell({ type: 'model.transition-refused', says: { version: 4, request: decision.request } });
        return change(decision, approvals);
      },
    ],
    'a refusal that cannot be read': [
      'open_request',
      async ({ decision, approvals }) => {
        await tell({ type: 'model.approval-refused', actor: EVE, says: '[]' });
        return change(decision, approvals);
      },
    ],
    'a request that was used before': [
      'open_request',
      async ({ decision, approvals }) => {
        await tell(change(decision, approvals));
        return change(decision, approvals);
      },
    ],
    'a version that was archived since it was asked for': [
      'open_request',
      async ({ decision, approvals }) => {
        await tell(change(decision, [], { to: 'Archived' }));
        return change(decision, approvals);
      },
    ],
    'a request for another stage': [
      'request',
      async ({ decision }) => {
        const other = { ...decision, request: (await ask(4, {}, 'Staging')).id };
        return change(other, await approvalsBy(other, ADA, BEN));
      },
    ],
    'a request for another version': [
      'request',
      async ({ decision }) => {
        const other = { ...decision, request: (await ask(5)).id };
        return change(other, await approvalsBy(other, ADA, BEN));
      },
    ],
    'a request on the stream of another model': [
      'request',
      async ({ decision }) => {
        const other = { ...decision, request: (await ask(4, { stream: `model/${randomUUID()}` })).id };
        return change(other, await approvalsBy(other, ADA, BEN));
      },
    ],
    'no request': ['request', ({ decision, approvals }) => change(decision, approvals, { request: null })],
    'another version than was asked for': [
      'request',
      ({ decision, approvals }) => change({ ...decision, version: 5 }, approvals),
    ],
    'a version that nobody registered': [
      'version',
      async ({ decision }) => {
        const other = { ...decision, version: 5, request: (await ask(5)).id };
        return change(other, await approvalsBy(other, ADA, BEN));
      },
    ],
    'a version that was registered twice, of two runs': [
      'version',
      async ({ decision, approvals }) => {
        await register(4, { run: randomUUID() });
        return change(decision, approvals);
      },
    ],
    'a second registration that cannot be read': [
      'version',
      async ({ decision, approvals }) => {
        await tell({ type: 'model.version-registered', says: `{"version":4,"version":4,"run":"${randomUUID()}"}` });
        return change(decision, approvals);
      },
    ],
    'a version whose weights have no digest': [
      'version',
      async ({ decision }) => {
        await register(5, { artifact: { digest: null } });
        const other = { ...decision, version: 5, artifact: null, request: (await ask(5)).id };
        return change(other, await approvalsBy(other, ADA, BEN));
      },
    ],
    'the version as a text': ['payload', ({ decision, approvals }) => change(decision, approvals, { version: '4' })],
    'approvals that are no list': [
      'payload',
      ({ decision, approvals }) => change(decision, approvals, { approvals: {} }),
    ],
    'a stage that there is not': ['payload', ({ decision }) => change(decision, [], { to: 'production' })],
    'a stage in a list': ['payload', ({ decision }) => change(decision, [], { to: ['Staging'] })],
    'no stage': ['payload', ({ decision }) => change(decision, [], { to: null })],
    'a stage written with escapes': [
      'approvals',
      ({ decision }) => ({
        type: 'model.stage-changed',
        says: JSON.stringify(change(decision, []).says).replace('"to":"Production"', '"\\u0074o":"\\u0050roduction"'),
      }),
    ],
    'two stages, another one last': [
      'payload',
      ({ decision }) => ({
        type: 'model.stage-changed',
        says: JSON.stringify(change(decision, []).says).replace(/\}$/, ',"to":"Staging"}'),
      }),
    ],
    'two stages, one of them with escapes': [
      'payload',
      ({ decision }) => ({
        type: 'model.stage-changed',
        says: JSON.stringify(change(decision, []).says).replace(/\}$/, ',"\\u0074o":"Staging"}'),
      }),
    ],
    'two verdicts': [
      'payload',
      ({ decision, approvals }) => ({
        type: 'model.stage-changed',
        says: JSON.stringify(change(decision, approvals).says).replace('"seq":', '"seq":0,"seq":'),
      }),
    ],
    'a text that is no JSON': ['payload', () => ({ type: 'model.stage-changed', says: '{"to":"Staging"' })],
    'a text with a NUL': ['payload', () => ({ type: 'model.stage-changed', says: '{"to":"Staging","a":"\\u0000"}' })],
    'no object': ['payload', () => ({ type: 'model.stage-changed', says: '["Staging"]' })],
    'JSON that is too deep': [
      'payload',
      () => ({
        type: 'model.stage-changed',
        says: `{"to":"Staging","a":${'['.repeat(300_000)}${']'.repeat(300_000)}}`,
      }),
    ],
  };

  it.each(Object.entries(cheats))('is refused for %s', async (_cheat, [lacking, cheat]) => {
    const said = await cheat(await prepare());
    const { size } = await ledger.head();
    const outcome = await seal(said);
    expect([codeOf(outcome), lackingOf(outcome)]).toEqual(['approvals_missing', lacking]);
    expect((await ledger.head()).size).toBe(size);
  });

  it('is refused beside anything else in its request: approvals of the same request do not count', async () => {
    const { decision, approvals } = await prepare();
    const request = await ask(4);
    const again = { ...decision, request: request.id };
    const id = randomUUID();
    const last: Said = { type: 'model.approval-given', actor: BEN, id, says: again };
    const place = { id, seq: 0, hash: '' };
    const first = await approve(ADA, again);
    expect(lackingOf(await seal(last, change(again, [first, place])))).toBe('alone');
    expect(lackingOf(await seal({ ...change(again, [first, place]), actor: BEN }, last))).toBe('alone');
    expect(lackingOf(await seal({ type: 'model.tags-set' }, change(decision, approvals)))).toBe('alone');
  });

  it('counts what stands before it in the batch as another request, never what stands behind, and spares neighbours', async () => {
    const { decision, approvals } = await prepare();
    const request = await ask(4);
    const again = { ...decision, request: request.id };
    const [one, two] = [ADA, BEN].map((actor) => ({
      actor,
      events: [toEvent({ type: 'model.approval-given', says: again })],
    })) as [{ actor: string; events: [EventToSeal] }, { actor: string; events: [EventToSeal] }];
    const tags = { actor: EVE, events: [toEvent({ type: 'model.tags-set' })] };
    const placeOf = ({ events: [{ id }] }: typeof one) => ({ id, seq: 0, hash: '' });
    const moved = (given: readonly Place[], of = again) => ({ actor: EVE, events: [toEvent(change(of, given))] });
    const outcomes = await ledger.seal(
      [tags, one, moved([placeOf(one), placeOf(two)]), two, tags, moved([placeOf(one), placeOf(two)])],
      { by: pools.registry },
    );
    expect(outcomes.map(codeOf)).toEqual([null, null, 'approvals_missing', null, null, null]);
    // The version has moved since its first request.
    expect(lackingOf(await seal(change(decision, approvals)))).toBe('open_request');
  });

  it('says version_conflict first, where what its sender relied on has changed', async () => {
    const { decision, approvals } = await prepare();
    await judge();
    const request = {
      actor: EVE,
      events: [toEvent(change(decision, approvals))],
      expect: [{ stream: `run/${run}`, type: 'run.gates-evaluated', at: (decision.verdict as Place).seq }],
    };
    expect((await ledger.seal([request], { by: pools.registry })).map(codeOf)).toEqual(['version_conflict']);
  });
});
