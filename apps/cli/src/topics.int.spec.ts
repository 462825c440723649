import { Writable } from 'node:stream';
import { TestTopic } from '@runseal/messaging/testing';
import { describeWithKafka, findFreePort, findKafka, TestKafka } from '@runseal/testing';
import type { Finding } from './doctor/finding.js';
import { runCli } from './run-cli.js';

const found = await findKafka();
const ours = 'brokers' in found ? { missing: 'the topics of KAFKA_BROKERS are not for tests to delete' } : found;

async function cli(...args: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  const texts = { out: '', err: '' };
  const into = (name: 'out' | 'err') =>
    new Writable({
      write: (chunk, _encoding, done) => {
        texts[name] += String(chunk);
        done();
      },
    });
  const exitCode = await runCli(args, {
    out: into('out'),
    err: into('err'),
    folder: '/nowhere',
    environment: { url: undefined, apiKey: undefined, configHome: '/nowhere' },
    interrupted: new AbortController().signal,
  });
  return { exitCode, ...texts };
}

const findingsOfKafka = async (brokers: string) => {
  const { findings } = JSON.parse((await cli('doctor', '--brokers', brokers, '--json')).out) as { findings: Finding[] };
  return findings.filter(({ check }) => check.startsWith('kafka') || check.startsWith('topic'));
};

test('topics and doctor say 2 where no broker answers, and where the list is none', async () => {
  const nobody = `127.0.0.1:${await findFreePort()}`;
  const { exitCode, err } = await cli('topics', 'apply', '--brokers', nobody);
  expect([exitCode, err]).toEqual([2, expect.stringContaining('Check --brokers')]);
  expect(await findingsOfKafka(nobody)).toMatchObject([{ check: 'kafka', state: 'unknown' }]);
  expect((await cli('topics', 'apply', '--brokers', 'kafka')).exitCode).toBe(2);
}, 60_000);

describeWithKafka('topics', ours, () => {
  let kafka: TestKafka;
  let brokers: string;
  beforeAll(async () => {
    kafka = await TestKafka.start();
    brokers = kafka.brokers.join(',');
  }, 120_000);
  afterAll(() => kafka?.remove());

  test('are looked at without being made, made, and found made', async () => {
    expect(await cli('topics', 'apply', '--brokers', brokers, '--dry-run')).toEqual({
      exitCode: 1,
      out: 'differs: runseal.records.v1 is missing\ndiffers: runseal.heads.v1 is missing\n',
      err: '',
    });
    expect((await findingsOfKafka(brokers)).map(({ state }) => state)).toEqual(['ok', 'wrong', 'wrong']);
    expect((await cli('topics', 'apply', '--brokers', brokers)).out).toBe(
      'made runseal.records.v1\nmade runseal.heads.v1\nThe topics are as they should be.\n',
    );
    expect(await cli('topics', 'apply', '--brokers', brokers, '--json')).toEqual({
      exitCode: 0,
      out: '{"created":[],"mended":[],"left":[]}\n',
      err: '',
    });
    expect((await findingsOfKafka(brokers)).map(({ state }) => state)).toEqual(['ok', 'ok', 'ok']);
  });

  test('whose messages are limited too much are named by doctor, with the command that mends them', async () => {
    await cli('topics', 'apply', '--brokers', brokers);
    await TestTopic.set({ brokers: kafka.brokers }, 'runseal.records.v1', { 'max.message.bytes': '1000000' });
    expect(await findingsOfKafka(brokers)).toContainEqual({
      check: 'topic runseal.records.v1',
      state: 'wrong',
      found: 'max.message.bytes is 1000000, wanted 2097152',
      advice: `Run "runseal topics apply --brokers ${brokers}".`,
    });
    const { exitCode, out } = await cli('topics', 'apply', '--brokers', brokers);
    expect([exitCode, out]).toEqual([
      0,
      'mended runseal.records.v1: max.message.bytes is 1000000, wanted 2097152\nThe topics are as they should be.\n',
    ]);
  });
});
