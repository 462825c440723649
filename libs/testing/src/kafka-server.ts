import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findKafka, javaProgram } from './find-kafka.js';
import { findFreePort } from './postgres-server.js';

const LOG_CONFIGURATION = fileURLToPath(new URL('../kafka/log4j2.xml', import.meta.url));
const START_LIMIT_MS = 90_000;
const LOG_KEPT_CHARACTERS = 100_000;

export interface TestKafkaOptions {
  readonly properties?: (port: number) => Readonly<Record<string, string | number | boolean>>;
  readonly format?: readonly string[];
}

/**
 * A real Apache Kafka of one broker on a free port with a throw-away data directory, or the brokers that KAFKA_BROKERS names.
 * Starts in 6 to 20 s. A broker of somebody else cannot be killed or restarted: `isOurs` says so.
 */
export class TestKafka {
  private broker: ChildProcess | null = null;
  private log = '';
  private readonly killAtExit = () => this.broker?.kill('SIGKILL');

  private constructor(
    readonly brokers: readonly string[],
    private readonly library: string | null,
    private readonly folder: string,
  ) {}

  /** With `properties` the broker differs from the usual one, and `format` are more arguments for its storage tool. */
  static async start({ properties, format }: TestKafkaOptions = {}): Promise<TestKafka> {
    const found = await findKafka();
    if ('missing' in found) throw new Error(found.missing);
    if ('brokers' in found) return new TestKafka(found.brokers, null, '');
    const folder = await mkdtemp(join(tmpdir(), 'runseal-kafka-'));
    const port = await findFreePort();
    const kafka = new TestKafka([`127.0.0.1:${port}`], found.library, folder);
    const all = { ...propertiesOf(port, await findFreePort(), folder), ...properties?.(port) };
    await writeFile(
      kafka.configuration,
      Object.entries(all)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    await kafka.format(format ?? []);
    process.once('exit', kafka.killAtExit);
    await kafka.restart();
    return kafka;
  }

  get isOurs(): boolean {
    return this.library !== null;
  }

  /** Ends the broker: SIGKILL as in a crash, SIGTERM as in a restart that was planned. Its data stays. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const { broker } = this;
    this.requireOurs();
    // One that ended by itself tells nobody any more.
    if (!broker || broker.exitCode !== null || broker.signalCode !== null) return;
    this.broker = null;
    const ended = new Promise((resolve) => broker.once('exit', resolve));
    broker.kill(signal);
    await ended;
  }

  /** Starts the broker that was killed, on its port and data, and waits until it is ready. */
  async restart(): Promise<void> {
    this.requireOurs();
    const broker = spawn(javaProgram(), [...this.javaArguments(), 'kafka.Kafka', this.configuration], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.broker = broker;
    this.log = '';
    await new Promise<void>((resolve, reject) => {
      const fail = (words: string) => {
        broker.kill('SIGKILL');
        reject(new Error(`The Kafka broker ${words}:\n${this.log}`));
      };
      const timer = setTimeout(() => fail(`was not ready within ${START_LIMIT_MS} ms`), START_LIMIT_MS);
      broker.once('error', (error) => fail(`did not start (${error.message})`));
      broker.once('exit', (code) => fail(`ended with exit code ${code}`));
      broker.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.log = (this.log + text).slice(-LOG_KEPT_CHARACTERS);
        if (!this.log.includes('Kafka Server started')) return;
        clearTimeout(timer);
        resolve();
      });
      broker.once('exit', () => clearTimeout(timer));
    });
  }

  /** Stops the broker and deletes its data. Leaves brokers of others as they are. */
  async remove(): Promise<void> {
    if (!this.isOurs) return;
    await this.kill('SIGKILL');
    process.removeListener('exit', this.killAtExit);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  private get configuration(): string {
    return join(this.folder, 'server.properties');
  }

  private javaArguments(): string[] {
    return [
      ...['-Xms128m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:+ExitOnOutOfMemoryError'],
      ...[`-Dlog4j2.configurationFile=${LOG_CONFIGURATION}`, '-cp', join(this.library ?? '', '*')],
    ];
  }

  private format(more: readonly string[]): Promise<void> {
    const id = randomBytes(16).toString('base64url');
    const tool = [
      'kafka.tools.StorageTool',
      'format',
      '--standalone',
      // In one word: one id in 64 begins with a hyphen and would be taken for an option.
      `--cluster-id=${id}`,
      '--config',
      this.configuration,
    ];
    const child = spawn(javaProgram(), [...this.javaArguments(), ...tool, ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let words = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (words += text));
    }
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`Kafka's data directory could not be made:\n${words}`)),
      );
    });
  }

  private requireOurs(): void {
    if (!this.isOurs) throw new Error('The brokers of KAFKA_BROKERS are not this test’s to start and stop.');
  }
}

/** One node that is broker and controller; small buffers, since the heap is small, and no waiting for other members. */
function propertiesOf(port: number, controllerPort: number, folder: string): Record<string, string | number | boolean> {
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': false,
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    'log.index.size.max.bytes': 1024 * 1024,
    // A killed broker's registration must lapse before it is let in again.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    'num.network.threads': 2,
    'num.io.threads': 4,
  };
}
