import { Controller, Get, Module } from '@nestjs/common';
import { openPool } from '@runseal/postgres';
import { TestServer, waitFor } from '@runseal/testing';
import { createKey } from './access/keys.js';
import { Scope } from './scope.js';
import { openAccess, reading, Sample } from './sample-service.fixture.js';

let server: TestServer;
let sample: Sample;

beforeAll(async () => {
  server = await TestServer.start();
  sample = await Sample.start(await openAccess(await server.createDatabase()));
}, 60_000);

afterAll(async () => {
  await sample?.service.close();
  await sample?.pool.end();
  await server?.remove();
});

const initial = reading.report;
beforeEach(() => {
  Object.assign(reading, { report: initial, waited: [], whileAnswering: () => undefined });
});

const positionOf = (answer: Response) => answer.headers.get('runseal-position');

describe('a route that names a reader', () => {
  it('tells the position that was there before its query, so the answer is at least as new', async () => {
    reading.whileAnswering = () => (reading.report = { ...initial, position: { epoch: 0, seq: 9 } });
    const answer = await sample.get('/v1/read?limit=3');
    expect([answer.status, positionOf(answer)]).toEqual([200, '0/4']);
    expect(positionOf(await sample.get('/v1/read?limit=3'))).toBe('0/9');
  });

  it('tells its position also where there is nothing, and before the first record', async () => {
    expect(positionOf(await sample.get('/v1/read/nothing'))).toBe('0/4');
    reading.report = { ...initial, position: null };
    expect(positionOf(await sample.get('/v1/read?limit=1'))).toBe('0/-1');
  });

  it('waits for min_position and hides it from the handler', async () => {
    const answer = await sample.get('/v1/read?limit=3&min_position=4');
    expect([answer.status, await answer.json(), reading.waited]).toEqual([200, { limit: 3 }, [4]]);
  });

  it('says where it is, and when to try again, where min_position is not reached', async () => {
    const answer = await sample.get('/v1/read?limit=3&min_position=5');
    expect([answer.status, answer.headers.get('retry-after'), positionOf(answer)]).toEqual([504, '1', '0/4']);
    expect(await answer.json()).toMatchObject({ code: 'position_not_reached', position: 4, min_position: 5 });
  });

  it.each(['-1', 'x', '1.5', '', '1&min_position=2', '1e3'])('refuses min_position=%s', async (text) => {
    const answer = await sample.get(`/v1/read?limit=3&min_position=${text}`);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'invalid_request']);
    expect(reading.waited).toEqual([]);
  });

  it('does not let a caller without a key wait', async () => {
    expect((await sample.get('/v1/read?limit=3&min_position=5', {})).status).toBe(401);
    expect(reading.waited).toEqual([]);
  });

  it('keeps a service from starting where nobody added that reader', async () => {
    @Controller('v1')
    class StrayController {
      @Get('stray')
      @Scope('read', { reader: 'nobody' })
      stray(): string {
        return '';
      }
    }
    @Module({ controllers: [StrayController] })
    class StrayModule {}
    await expect(sample.startAnother({ module: StrayModule })).rejects.toThrow(
      'GET /v1/stray wants the reader "nobody"',
    );
  });
});

describe('the state of readers', () => {
  it('stands in the status, beside the newest record', async () => {
    const answer = await sample.get('/v1/status', sample.bearer('read'));
    expect(await answer.json()).toEqual({
      ledger: 'default',
      newest: { epoch: 0, seq: 7 },
      readers: [{ name: 'sample', ...initial }],
    });
  });

  it('is not told to a key of another ledger', async () => {
    const other = { principal: 'else', kind: 'person', ledger: 'other', scopes: ['read'] } as const;
    const { secret } = await createKey(sample.pool, other);
    expect((await sample.get('/v1/status', { authorization: `Bearer ${secret}` })).status).toBe(403);
  });

  it('shows in the metrics', async () => {
    reading.report = { ...initial, lag_records: 3, lag_s: 1.5, stopped: { seq: 5, reason: 'unknown type' } };
    const text = await (await fetch(`${sample.service.managementUrl}/metrics`)).text();
    const labels = '{reader="sample",service="sample"}';
    for (const line of ['position%s 4', 'lag_records%s 3', 'lag_seconds%s 1.5', 'stopped%s 1']) {
      expect(text).toContain(`runseal_reader_${line.replace('%s', labels)}`);
    }
  });

  const isReady = async (url: string) => (await fetch(`${url}/health/ready`)).status === 200;

  it('is ready once a reader has reached what was newest at its start, however the ledger grows', async () => {
    reading.report = { ...initial, lag_records: 3 };
    const starting = await sample.startAnother();
    try {
      expect(await isReady(starting.url)).toBe(false);
      reading.report = { ...initial, position: { epoch: 0, seq: 7 }, lag_records: 1_000 };
      await waitFor('ready', () => isReady(starting.url));
      reading.report = { ...reading.report, stopped: { seq: 8, reason: 'wrong hash' } };
      await waitFor('not ready', async () => !(await isReady(starting.url)));
    } finally {
      await starting.close();
    }
  });
});

describe('whoami', () => {
  it('tells every valid key who it stands for, whatever its scopes', async () => {
    for (const scope of ['approve', 'events:write'] as const) {
      expect(await (await sample.get('/v1/whoami', sample.bearer(scope))).json()).toEqual({
        principal: expect.stringMatching(/^p_[a-z2-7]{26}$/),
        kind: 'person',
        name: 'someone',
        ledger: 'default',
        scopes: [scope],
      });
    }
  });

  it('tells nobody else', async () => {
    expect((await sample.get('/v1/whoami', {})).status).toBe(401);
  });

  it('leaves out a name that was erased', async () => {
    const key = { principal: 'gone', kind: 'person', ledger: 'default', scopes: ['read'] } as const;
    const { secret, principal_id } = await createKey(sample.pool, key);
    const url = server.server.url('test_1');
    const superuser = openPool({ url, applicationName: 'test' });
    await superuser.query('update access.principals set name = null where id = $1', [principal_id]);
    await superuser.end();
    const answer = (await (await sample.get('/v1/whoami', { authorization: `Bearer ${secret}` })).json()) as object;
    expect(answer).not.toHaveProperty('name');
    expect(answer).toMatchObject({ principal: principal_id });
  });
});
