import { Refusal } from '@runseal/contracts';
import type { Receipt, SealRequest } from '@runseal/ledger';
import { exampleOf, metricsOf, type Submitted } from './ingest-service.fixture.js';
import { SubmitEvents } from './submit-events.js';

const RUN = '0192f0c1-0000-7000-8000-000000000001';
const PRINCIPAL = 'p_aaaaaaaaaaaaaaaaaaaaaaaaaa';

/** Takes what would be sealed, so that what `submit` makes of a request can be looked at. */
function submitter(scansForSecrets = true) {
  const sealed: SealRequest[] = [];
  const seal = (request: SealRequest) => {
    sealed.push(request);
    return Promise.resolve<readonly Receipt[]>([]);
  };
  const submitEvents = new SubmitEvents({ seal }, { scansForSecrets });
  const submit = (events: Submitted[], more: object = {}, principal = PRINCIPAL) =>
    submitEvents.submit(Buffer.from(JSON.stringify({ events, ...more })), principal);
  return { submit, sealed };
}

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

describe('a clock', () => {
  it.each([
    ['now', inMinutes(0), []],
    ['null', null, []],
    ['4 minutes ahead', inMinutes(4), []],
    ['6 minutes ahead', inMinutes(6), ['occurred_in_the_future']],
    ['6 minutes ahead in another zone', inMinutes(6 + 8 * 60).replace('Z', '+08:00'), ['occurred_in_the_future']],
    ['a year ago', inMinutes(-365 * 24 * 60), []],
    ['the first moment of 2020', '2020-01-01T00:00:00Z', []],
    ['2020 by its zone, 2019 by UTC', '2020-01-01T00:30:00+01:00', ['occurred_before_2020']],
    ['1970', '1970-01-01T00:00:00.000000000Z', ['occurred_before_2020']],
    ['the year 9999', '9999-12-31T23:59:59Z', ['occurred_in_the_future']],
  ])('that says %s is sealed as it came and flagged where it is far off', async (_what, occurred_at, codes) => {
    const { submit, sealed } = submitter();
    const { flags } = await submit([metricsOf(RUN, { occurred_at: inMinutes(0) }), metricsOf(RUN, { occurred_at })]);
    expect(flags).toEqual(codes.map((code) => ({ index: 1, code })));
    expect(sealed[0]?.events[1]?.occurred_at).toBe(occurred_at);
  });
});

describe('a request', () => {
  it('is sealed with the class of its type, canonical payloads and the caller as actor', async () => {
    const { submit, sealed } = submitter();
    const payload = {
      rows: [{ values: { z: 1, a: 1e2 }, epoch: null, at: null, n: 0, step: 1.5, kind: 'train' }],
      attempt: RUN,
    };
    await submit([metricsOf(RUN, { payload }), exampleOf('artifact.registered')]);
    expect(sealed[0]?.actor).toBe(PRINCIPAL);
    expect(sealed[0]?.events.map((event) => event.class)).toEqual(['metrics', 'permanent']);
    expect(Buffer.from(sealed[0]!.events[0]!.payload).toString()).toBe(
      `{"attempt":"${RUN}","rows":[{"at":null,"epoch":null,"kind":"train","n":0,"step":1.5,"values":{"a":100,"z":1}}]}`,
    );
  });

  it('asks for the owner of its runs until it is known, of artifacts never', async () => {
    const { submit, sealed } = submitter();
    await submit([metricsOf(RUN), metricsOf(RUN), exampleOf('artifact.registered')]);
    await submit([metricsOf(RUN)]);
    await submit([metricsOf(RUN)], {}, 'p_bbbbbbbbbbbbbbbbbbbbbbbbbb');
    expect(sealed.map(({ ownStreams }) => ownStreams)).toEqual([[`run/${RUN}`], undefined, [`run/${RUN}`]]);
  });

  it('passes on the conditions of all its events and the last receipt', async () => {
    const { submit, sealed } = submitter();
    const at = (seq: number) => [{ stream: `run/${RUN}`, at: seq }];
    const known = { epoch: 0, seq: 4, hash: '0'.repeat(64) };
    await submit([metricsOf(RUN, { expect: at(1) }), metricsOf(RUN), metricsOf(RUN, { expect: at(2) })], { known });
    expect(sealed[0]).toMatchObject({ expect: [...at(1), ...at(2)], known });
  });

  it('with a secret is refused with event and path, without the value, unless the scan is off', async () => {
    const secret = 'AKIAIOSFODNN7EXAMPLE';
    const events = [
      metricsOf(RUN),
      exampleOf('run.started', { payload: { ...(exampleOf('run.started')['payload'] as object), name: secret } }),
    ];
    const error = await submitter()
      .submit(events)
      .then(
        () => null,
        (thrown: unknown) => thrown as Refusal,
      );
    expect(error).toMatchObject({
      name: 'Refusal',
      code: 'secret_detected',
      errors: [{ index: 1, path: '/payload/name' }],
    });
    expect(JSON.stringify([error, error?.message])).not.toContain(secret);
    const { submit, sealed } = submitter(false);
    await submit(events);
    expect(sealed).toHaveLength(1);
  });
});
