import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

// Jest's own, not imported: this library is also loaded where no Jest runs.
declare const describe: {
  (title: string, body: () => void): void;
  skip(title: string, body: () => void): void;
};
declare const it: (title: string, body: () => void) => void;

const run = promisify(execFile);
const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const KAFKA_VERSION = '4.4.0';
const JAVA_MIN = 17;
const LIBRARY = folder(`../../../tmp/kafka-${KAFKA_VERSION}/`);
const INSTALL_LIMIT_MS = 300_000;

/** How tests get a Kafka: brokers that are there, or the jars of one to start; else why there is none. */
export type KafkaFound =
  { readonly brokers: readonly string[] } | { readonly library: string } | { readonly missing: string };

let found: Promise<KafkaFound> | null = null;

/**
 * The brokers that KAFKA_BROKERS names, else Apache Kafka's jars, installed with Maven at the first call on a machine (43 MB,
 * about 20 s) and kept in the repository's tmp folder. Never throws.
 */
export function findKafka(): Promise<KafkaFound> {
  return (found ??= look());
}

/** A suite that needs Kafka. Where there is none it shows as skipped with the reason in its title; in CI that is a failure. */
export function describeWithKafka(title: string, kafka: KafkaFound, body: () => void): void {
  if (!('missing' in kafka)) return describe(title, body);
  if (process.env['CI'] !== 'true') {
    return describe.skip(`${title}: skipped, ${kafka.missing}`, () => it('runs where there is one', () => undefined));
  }
  describe(title, () =>
    it('has a Kafka in CI', () => {
      throw new Error(kafka.missing);
    }),
  );
}

async function look(): Promise<KafkaFound> {
  const brokers = process.env['KAFKA_BROKERS'];
  if (brokers) return { brokers: brokers.split(',') };
  try {
    const java = await findJavaVersion();
    if (java < JAVA_MIN) return { missing: `Kafka needs Java ${JAVA_MIN} and this machine has ${java}` };
  } catch {
    return { missing: `Kafka needs Java ${JAVA_MIN}, which this machine lacks (KAFKA_BROKERS names others)` };
  }
  try {
    await install();
    return { library: LIBRARY };
  } catch (error) {
    const [reason = ''] = String((error as { stdout?: string }).stdout || error).split('\n');
    return { missing: `Kafka's jars could not be installed with Maven: ${reason}` };
  }
}

/** The program of JAVA_HOME, else the one on the path. */
export const javaProgram = (): string => (process.env['JAVA_HOME'] ? `${process.env['JAVA_HOME']}/bin/java` : 'java');

async function findJavaVersion(): Promise<number> {
  const { stderr } = await run(javaProgram(), ['-version']);
  return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0);
}

/** Fills the library under a lock that is a folder; it appears under its name only when it is whole. */
async function install(): Promise<void> {
  const [lock, draft] = [`${LIBRARY.slice(0, -1)}.lock`, `${LIBRARY.slice(0, -1)}.draft`];
  await mkdir(folder('../../../tmp/'), { recursive: true });
  while (!existsSync(LIBRARY)) {
    if (!(await takeLock(lock))) continue;
    try {
      if (existsSync(LIBRARY)) return;
      const goal = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${draft}`];
      await run('mvn', goal, { cwd: folder('../kafka/'), timeout: INSTALL_LIMIT_MS });
      await rename(draft, LIBRARY);
    } finally {
      await rm(draft, { recursive: true, force: true });
      await rm(lock, { recursive: true, force: true });
    }
  }
}

/** False after a wait where another process holds it. One that is older than any install was left behind by a dead one. */
async function takeLock(lock: string): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch {
    const age_ms = Date.now() - (await stat(lock).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age_ms > INSTALL_LIMIT_MS + 10_000) await rm(lock, { recursive: true, force: true });
    await wait(250);
    return false;
  }
}
