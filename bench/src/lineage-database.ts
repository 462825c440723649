import { canonicalJson, toUtf8 } from '@runseal/chain';
import { eventTypes, type EventType } from '@runseal/contracts';
import { LedgerRecordSource, sealBatch, type Anchor, type EventToSeal } from '@runseal/ledger';
import { LineageModule, lineageMigrations, lineageProjection, openLineage } from '@runseal/lineage';
import { migrate, openPool, type Pool } from '@runseal/postgres';
import { Projector, schemaOf } from '@runseal/projections';
import { createKey, KeyAuthenticator, startService } from '@runseal/runtime';
import { urlAs } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';
import { ACTOR, asSuperuser, createLedgerDatabase, openBenchLedger } from './ledger-database.js';
import { quantile } from './measure.js';
import { metricsToSeal, runStream } from './metrics-events.js';

const PASSWORD = 'bench';
const BATCH = 500;
const REQUESTS = 40;

/** A throw-away ledger, and the role that projects it. */
export class LineageBench {
  private readonly closing: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly superuserUrl: string,
    readonly ingest: Pool,
    readonly lineage: Pool,
    private anchor: Anchor,
  ) {}

  static async open(): Promise<LineageBench> {
    const database = await createLedgerDatabase();
    await migrate(database.superuserUrl, await lineageMigrations());
    await asSuperuser(database.superuserUrl, `alter role runseal_lineage password '${PASSWORD}'`);
    const anchor = await openBenchLedger(database);
    const ingest = openPool({ url: database.ingestUrl, applicationName: 'bench', connectionsMax: 2 });
    const url = urlAs(database.superuserUrl, 'runseal_lineage', PASSWORD);
    const searchPath = schemaOf(lineageProjection);
    const lineage = openPool({ url, applicationName: 'bench-lineage', connectionsMax: 4, searchPath });
    const bench = new LineageBench(database.superuserUrl, ingest, lineage, anchor);
    bench.closing.push(
      () => lineage.end(),
      () => ingest.end(),
      () => database.close(),
    );
    return bench;
  }

  get source(): LedgerRecordSource {
    return new LedgerRecordSource(this.lineage);
  }

  /** Seals events, 500 at a time. */
  async seal(events: readonly EventToSeal[]): Promise<void> {
    for (let from = 0; from < events.length; from += BATCH) {
      const requests = [{ actor: ACTOR, events: events.slice(from, from + BATCH) }];
      const [outcome] = await sealBatch(this.ingest, 'default', this.anchor, { requests, sealedAt: new Date() });
      const last = outcome && 'receipts' in outcome ? outcome.receipts.at(-1) : undefined;
      if (!last) throw new Error(`a batch was refused: ${JSON.stringify(outcome)}`);
      this.anchor = last;
    }
  }

  /** Projects everything that is sealed. */
  async project(): Promise<void> {
    const projector = new Projector({ pool: this.lineage, projection: lineageProjection, ledger: 'default' });
    await projector.prepare();
    let seq = (await projector.findPosition())?.seq ?? -1;
    for (;;) {
      const records = await this.source.read('default', seq + 1, 2_000);
      if (records.length === 0) break;
      await projector.apply(records);
      seq += records.length;
    }
    await asSuperuser(this.superuserUrl, 'vacuum analyze');
  }

  /** Serves what is projected, and returns what measures a path: milliseconds that 95 of 100 requests take at most. */
  async serve(): Promise<(path: string) => Promise<number>> {
    const url = urlAs(this.superuserUrl, 'runseal_lineage', PASSWORD);
    const lineage = await openLineage({ databaseUrl: url, ledger: 'default', kafka: null });
    const service = await startService({
      ...{ name: 'lineage', version: '0.1.0', module: LineageModule.register(lineage) },
      ...{ host: '127.0.0.1', port: 0, managementPort: null, log: { level: 'error' } },
      authenticator: new KeyAuthenticator(this.ingest),
      ...{ bodyLimit: 1_024, refusalStatus: {} },
    });
    this.closing.unshift(() => service.close());
    const { secret } = await createKey(this.ingest, {
      ...{ principal: 'bench', kind: 'service', ledger: 'default', scopes: ['read'] },
    });
    return async (path) => {
      const times_ms: number[] = [];
      for (let request = 0; request < REQUESTS; request += 1) {
        const started = performance.now();
        const response = await fetch(service.url + path, { headers: { authorization: `Bearer ${secret}` } });
        const text = await response.text();
        times_ms.push(performance.now() - started);
        if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${text}`);
      }
      return quantile(times_ms, 0.95);
    };
  }

  async close(): Promise<void> {
    for (const close of this.closing) await close();
  }
}

/** What a query takes at the 95th percentile, in milliseconds. */
export async function timeQuery(pool: Pool, text: string, values: readonly unknown[]): Promise<number> {
  const times_ms: number[] = [];
  for (let query = 0; query < REQUESTS; query += 1) {
    const started = performance.now();
    await pool.query(text, [...values]);
    times_ms.push(performance.now() - started);
  }
  return quantile(times_ms, 0.95);
}

export const eventOf = (type: EventType, stream: string, payload: object, id: string = uuidv7()): EventToSeal => ({
  id,
  type,
  version: 1,
  class: eventTypes[type].class,
  stream,
  occurred_at: '2026-11-24T10:00:00.000Z',
  producer: null,
  payload: toUtf8(canonicalJson(payload)),
});

export const runId = (run: number): string => runStream(run).slice('run/'.length);
const digest = (number: number, kind: string): string =>
  `sha256:${number.toString(16).padStart(63, kind.length.toString(16))}0`;

/** A whole run: its beginning, so many events of four rows each, what went in and came out, and its end. */
export function runEvents(run: number, metricsEvents: number): EventToSeal[] {
  const stream = runStream(run);
  const attempt = uuidv7();
  const none = { source: null, path: null, license: null, asserted: [] };
  const steps = 40 * metricsEvents;
  return [
    eventOf('run.started', stream, {
      ...{ experiment: `experiment ${run % 50}`, name: `run ${run}`, target_model: null, tasks: ['qa'] },
      ...{ objective: 'sft', trainer: { name: 'llama_factory', version: '0.9.5' }, recorded: 'afterwards' },
      ...{ expected_samples_per_second: null, tags: {}, asserted: [] },
    }),
    eventOf(
      'run.attempt-started',
      stream,
      { resumes: null, total_steps: steps, total_epochs: 3, processes: 1, asserted: [] },
      attempt,
    ),
    eventOf('run.parameters-recorded', stream, {
      ...{ attempt: null, parameters: { learning_rate: run / 1e7, lora_rank: 16, eval_steps: 100 }, asserted: [] },
    }),
    eventOf('run.input-recorded', stream, {
      ...{ kind: 'base_model', revision: 'a'.repeat(40), digest: digest(run % 20, 'base') },
      ...{ ...none, source: `hub/base-${run % 20}` },
    }),
    eventOf('run.input-recorded', stream, {
      ...{
        kind: 'dataset',
        role: 'train',
        name: null,
        version: 'v1',
        digest: digest(run % 300, 'dataset'),
        samples: 9,
      },
      ...{ ...none, schema: 'alpaca' },
    }),
    ...Array.from({ length: metricsEvents }, (_, number) => inAttempt(metricsToSeal(number, stream), attempt)),
    eventOf('run.output-recorded', stream, {
      ...{ role: 'weights', type: 'lora', path: '/out/lora', digest: digest(run, 'weights'), size_bytes: 2 },
      files: [
        { path: 'adapter_config.json', digest: digest(run, 'config'), size_bytes: 1 },
        { path: 'adapter_model.safetensors', digest: digest(run, 'safetensors'), size_bytes: 1 },
      ],
      ...{ tensors_finite: true, asserted: [] },
    }),
    eventOf('run.finished', stream, {
      ...{ attempt, total_steps: steps, completed_steps: steps, epochs_completed: 3 },
      ...{ active_seconds: 60 + run, final_weights: { attempt, step: steps }, best_checkpoint: null },
      ...{ producers: [], asserted: [] },
    }),
  ];
}

/** The rows are those of every run, but for the attempt. */
function inAttempt(event: EventToSeal, attempt: string): EventToSeal {
  const text = Buffer.from(event.payload).toString();
  return { ...event, payload: toUtf8(text.replace(/"attempt":"[^"]*"/, `"attempt":"${attempt}"`)) };
}
