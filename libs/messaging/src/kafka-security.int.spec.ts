import { execFile } from 'node:child_process';
import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeWithKafka, findFreePort, findKafka, TestKafka } from '@runseal/testing';
import type { KafkaOptions } from './kafka-client.js';

const run = promisify(execFile);
const found = await findKafka();
const ours = 'brokers' in found ? { missing: 'the brokers of KAFKA_BROKERS have their own rules' } : found;

describeWithKafka('brokers that want TLS and a password', ours, () => {
  let kafka: TestKafka;
  let folder: string;
  const password = 'only-for-tests';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runseal-tls-'));
    const key = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'];
    const files = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', 'key.pem', '-out', 'ca.pem'];
    await run('openssl', [...key, ...files], { cwd: folder });
    const pem = (await readFile(join(folder, 'key.pem'), 'utf8')) + (await readFile(join(folder, 'ca.pem'), 'utf8'));
    await writeFile(join(folder, 'keystore.pem'), pem);
    const login = (module: string, more: string) => `org.apache.kafka.common.security.${module} required ${more};`;
    const [inner, controller] = [await findFreePort(), await findFreePort()];
    kafka = await TestKafka.start({
      properties: (port) => ({
        listeners: `SECURED://127.0.0.1:${port},INNER://127.0.0.1:${inner},CONTROLLER://127.0.0.1:${controller}`,
        'advertised.listeners': `SECURED://127.0.0.1:${port},INNER://127.0.0.1:${inner}`,
        'listener.security.protocol.map': 'SECURED:SASL_SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT',
        'inter.broker.listener.name': 'INNER',
        'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
        'listener.name.secured.ssl.keystore.type': 'PEM',
        'listener.name.secured.ssl.keystore.location': join(folder, 'keystore.pem'),
        'listener.name.secured.plain.sasl.jaas.config': login('plain.PlainLoginModule', `user_ingest="${password}"`),
        'listener.name.secured.scram-sha-512.sasl.jaas.config': login('scram.ScramLoginModule', ''),
      }),
      format: ['--add-scram', `SCRAM-SHA-512=[name=ingest,password=${password}]`],
    });
  }, 120_000);
  afterAll(async () => {
    await kafka?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** In a process of its own, since Node reads NODE_EXTRA_CA_CERTS when it starts. */
  async function check(options: Omit<KafkaOptions, 'brokers'>): Promise<string> {
    const code = `
      const { checkTopics } = await import('@runseal/messaging');
      await checkTopics(${JSON.stringify({ brokers: kafka.brokers, ...options })}).then(
        (differences) => console.log(differences.length + ' differences'),
        (error) => console.log(String(error)),
      );`;
    const { NODE_OPTIONS: _, ...env } = process.env; // Jest's own options are not for this process
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', code], {
      cwd: import.meta.dirname,
      env: { ...env, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') },
    });
    return stdout + stderr;
  }

  it.each(['plain', 'scram-sha-512'] as const)(
    'let in whom they know by %s',
    async (mechanism) => {
      const sasl = { mechanism, username: 'ingest', password };
      expect(await check({ ssl: true, sasl })).toBe('2 differences\n');
    },
    30_000,
  );

  it('refuse another password, and the refusal does not repeat it', async () => {
    const said = await check({ ssl: true, sasl: { mechanism: 'plain', username: 'ingest', password: 'wrong-one' } });
    expect(said).toContain('Authentication failed');
    expect(said).not.toContain('wrong-one');
  }, 30_000);

  it('are not reached without TLS', async () => {
    expect(await check({ sasl: { mechanism: 'plain', username: 'ingest', password } })).not.toContain('differences');
  }, 60_000);
});
