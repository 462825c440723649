import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScaledSite } from '@runseal/e2e';
import { LedgerRecordSource } from '@runseal/ledger';
import { TestTopic } from '@runseal/messaging/testing';
import { openPool, type Pool } from '@runseal/postgres';
import { findFreePort, findKafka, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { quantile, type Bench } from './measure.js';
import { metricsPayload } from './metrics-events.js';
import { endOf, standalone, startNode } from './processes.js';

const EVENTS = 20;
const REQUESTS_PER_S = 100;
const SECONDS = 8;
/** As many trainings at once. */
const RUNS = 20;
const LOAD = `at ${EVENTS * REQUESTS_PER_S} events/s, ${EVENTS} a request, from when a request was due until GET /v1/runs/{id} shows them`;

/** Everything in one process. */
const embedded: Bench = {
  name: 'visible-embedded',
  unit: 'ms p99',
  control: 'submitting alone',
  target: `< 200 ms p99 (${LOAD}; standalone)`,
  isMet: (value) => value < 200,
  postgres: 18,
  prepare: async () => {
    const base = await mkdtemp(join(tmpdir(), 'runseal-bench-'));
    // Started by root, Postgres runs as another user.
    await chmod(base, 0o711);
    const port = await findFreePort();
    const data = join(base, 'data');
    const place = { folder: base, config: join(base, 'config') };
    const child = startNode([standalone, '--port', String(port), '--data', data], place);
    child.stdout?.resume();
    const ended = endOf(child, 'standalone');
    const close = async () => {
      child.kill('SIGTERM');
      await ended;
      await rm(base, { recursive: true, force: true });
    };
    try {
      // Written when everything is ready.
      const credentials = await waitFor('the standalone', () => findText(join(data, 'credentials.json')), 60_000);
      const { url, api_key: key } = JSON.parse(credentials) as { url: string; api_key: string };
      const trainings = await Trainings.start({ url, key });
      return { ours: () => trainings.findP99(true), control: () => trainings.findP99(false), close };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

/** Every service a process of its own, Kafka between them: ingest twice, lineage, gates, registry and console. */
const kafka: Bench = {
  name: 'visible-kafka',
  unit: 'ms p99',
  control: 'kafkajs alone: the same records sent and read at the same rate',
  target: `< 500 ms p99 (${LOAD}; separate services over Kafka)`,
  isMet: (value) => value < 500,
  postgres: 18,
  lacks: async () => {
    const found = await findKafka();
    return 'missing' in found ? found.missing : null;
  },
  prepare: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runseal-bench-'));
    await chmod(folder, 0o711);
    const site = await ScaledSite.start({ folder, port: await findFreePort() });
    const pool = openPool({ url: site.databaseUrl, applicationName: 'bench-visible', connectionsMax: 1 });
    const close = async () => {
      await pool.end();
      await site.stop();
      await rm(folder, { recursive: true, force: true });
    };
    try {
      const trainings = await Trainings.start({ url: site.url, key: site.apiKey });
      return {
        ours: () => trainings.findP99(true),
        control: () => measureKafkaAlone(pool, site.kafka.brokers),
        close,
      };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

async function measureKafkaAlone(pool: Pool, brokers: readonly string[]): Promise<number> {
  const records = await new LedgerRecordSource(pool).read('default', 2 * RUNS + 1, EVENTS * REQUESTS_PER_S);
  const batches = Array.from({ length: REQUESTS_PER_S }, (_, at) => records.slice(at * EVENTS, (at + 1) * EVENTS));
  const topic = await TestTopic.create({ brokers });
  const waits_ms = await topic.measureWaitsAlone(batches, SECONDS);
  await topic.delete();
  return quantile(waits_ms, 0.99);
}

export const visibleBenches: readonly Bench[] = [embedded, kafka];

interface Server {
  readonly url: string;
  readonly key: string;
}

interface Training {
  readonly run: string;
  readonly attempt: string;
  readonly producer: string;
  sent: number;
}

/** Trainings that send what they log in turn. */
class Trainings {
  private number = 0;

  private constructor(
    private readonly server: Server,
    private readonly all: readonly Training[],
  ) {}

  static async start(server: Server): Promise<Trainings> {
    const all = Array.from({ length: RUNS }, () => ({
      ...{ run: uuidv7(), attempt: uuidv7(), producer: randomUUID(), sent: 0 },
    }));
    const trainings = new Trainings(server, all);
    for (const training of all) {
      await trainings.submit([
        trainings.event(training, 'run.started', STARTED),
        { ...trainings.event(training, 'run.attempt-started', ATTEMPT_STARTED), id: training.attempt },
      ]);
    }
    return trainings;
  }

  /** 99 of 100 requests are answered, and where wanted shown to a reader, in so many milliseconds at most. */
  async findP99(isShown: boolean): Promise<number> {
    const waits_ms: Promise<number>[] = [];
    const started = performance.now();
    const count = REQUESTS_PER_S * SECONDS;
    while (waits_ms.length < count) {
      // A generator that is late sends what is due at once; that it was late counts as waiting.
      const due = Math.min(count, Math.floor(((performance.now() - started) * REQUESTS_PER_S) / 1_000));
      while (waits_ms.length < due) {
        const due_ms = started + (waits_ms.length * 1_000) / REQUESTS_PER_S;
        waits_ms.push(this.log(isShown).then(() => performance.now() - due_ms));
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return quantile(await Promise.all(waits_ms), 0.99);
  }

  private async log(isShown: boolean): Promise<void> {
    const training = this.all[this.number++ % RUNS] as Training;
    const events = Array.from({ length: EVENTS }, () =>
      this.event(training, 'run.metrics-logged', { ...metricsPayload(training.sent), attempt: training.attempt }),
    );
    const seq = await this.submit(events);
    if (isShown) await this.ask(`/v1/runs/${training.run}?min_position=${seq}`);
  }

  private event(training: Training, type: string, payload: object): object {
    const producer = { client: 'runseal-js/0.1.0', id: training.producer, seq: training.sent++ };
    const stream = `run/${training.run}`;
    return { id: uuidv7(), type, version: 1, stream, occurred_at: '2026-11-24T10:00:00.000Z', producer, payload };
  }

  /** The seq of the last one. */
  private async submit(events: readonly object[]): Promise<number> {
    const text = await this.ask('/v1/events', JSON.stringify({ events }));
    const { receipts } = JSON.parse(text) as { receipts: { seq: number }[] };
    return receipts.at(-1)?.seq ?? -1;
  }

  private async ask(path: string, body?: string): Promise<string> {
    for (;;) {
      const response = await fetch(this.server.url + path, {
        headers: { authorization: `Bearer ${this.server.key}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body }),
      });
      const text = await response.text();
      if (response.ok) return text;
      // A reader that is seconds behind is asked again: its wait counts, however long.
      if (!text.includes('position_not_reached'))
        throw new Error(`${path} was answered with ${response.status}: ${text}`);
    }
  }
}

const STARTED = {
  ...{ experiment: 'bench', name: null, target_model: null, tasks: null, objective: 'sft', trainer: null },
  ...{ recorded: 'live', expected_samples_per_second: null, tags: {}, asserted: [] },
};
const ATTEMPT_STARTED = { resumes: null, total_steps: null, total_epochs: null, processes: 1, asserted: [] };

const findText = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null);
