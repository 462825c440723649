import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { EventPayload, EventType, SubmittedEvent } from '@runseal/contracts';
import { submitEvents } from '@runseal/sdk';
import { findFreePort, waitFor } from '@runseal/testing';
import { newEventId } from './new-event-id.fixture.js';
import { runCli } from './run-cli.js';

const SCRIPT = fileURLToPath(new URL('../bin/runseal.js', import.meta.url));
const examples = new URL('../../../libs/contracts/examples/', import.meta.url);

export interface Called {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** Everything as `runseal standalone` serves it, in a process of its own, and the command line against it in this one. */
export class StandaloneSite {
  private address = { url: '', api_key: '' };

  private constructor(
    readonly folder: string,
    private readonly standalone: ChildProcess,
  ) {}

  static async start(): Promise<StandaloneSite> {
    const folder = await mkdtemp(join(tmpdir(), 'runseal-reading-'));
    // Started by root, Postgres runs as another user.
    await chmod(folder, 0o711);
    const args = [SCRIPT, 'standalone', '--port', String(await findFreePort()), '--data', join(folder, 'data')];
    const env = { XDG_CONFIG_HOME: join(folder, 'config') };
    const standalone = spawn(process.execPath, args, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const site = new StandaloneSite(folder, standalone);
    let said = '';
    for (const stream of [standalone.stdout, standalone.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    await waitFor('the address', () => said.includes('Runseal serves') || standalone.exitCode !== null, 60_000);
    if (standalone.exitCode !== null) throw new Error(said);
    const credentials = await readFile(join(folder, 'data', 'credentials.json'), 'utf8');
    site.address = JSON.parse(credentials) as typeof site.address;
    return site;
  }

  async close(): Promise<void> {
    this.standalone.kill('SIGTERM');
    if (this.standalone.exitCode === null) await once(this.standalone, 'exit');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  async cli(...args: string[]): Promise<Called> {
    const [out, err] = [new Text(), new Text()];
    const { url, api_key: apiKey } = this.address;
    const exitCode = await runCli(args, {
      ...{ out, err, folder: this.folder, interrupted: new AbortController().signal },
      environment: { url, apiKey, configHome: join(this.folder, 'config') },
    });
    return { exitCode, out: out.text, err: err.text };
  }

  /** Seals events in this order and waits until every service has read them. */
  async seal(events: readonly SubmittedEvent[]): Promise<void> {
    const { url, api_key: apiKey } = this.address;
    let seq = -1;
    for await (const receipts of submitEvents(events, { url, apiKey })) seq = receipts.at(-1)?.seq ?? seq;
    for (const path of ['/v1/runs?limit=1', '/v1/models?limit=1', '/v1/policies?limit=1']) {
      const answer = await fetch(`${url}${path}&min_position=${seq}`, {
        headers: { authorization: `Bearer ${apiKey}` },
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    }
  }
}

class Text extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

type RowOfValues = { readonly step: number; readonly n?: number } & Readonly<
  Record<string, number | string | undefined>
>;

/** The events of a run, each as its published example but for what is told. */
export class TellRun {
  readonly attempt = newEventId();

  constructor(readonly run = newEventId()) {}

  event<Type extends EventType>(type: Type, payload: Partial<EventPayload<Type>>, id = newEventId()): SubmittedEvent {
    const example = JSON.parse(readFileSync(new URL(`${type}.v1.json`, examples), 'utf8')) as SubmittedEvent;
    const told = { id, stream: `run/${this.run}`, occurred_at: new Date().toISOString(), producer: null };
    return { ...example, ...told, payload: { ...example.payload, ...payload } } as SubmittedEvent;
  }

  start(name: string | null): SubmittedEvent[] {
    return [
      this.event('run.started', { name, experiment: 'odd', target_model: null, tasks: null }),
      this.event('run.attempt-started', { total_steps: 300 }, this.attempt),
    ];
  }

  rows(...rows: readonly RowOfValues[]): SubmittedEvent {
    return this.event('run.metrics-logged', {
      attempt: this.attempt,
      rows: rows.map(({ step, n = 0, ...values }) => ({
        ...{ kind: 'train' as const, step, n, at: null, epoch: null },
        values: values as Record<string, number>,
      })),
    });
  }

  ends(type: 'run.finished' | 'run.failed' | 'run.killed'): SubmittedEvent {
    return this.event(type, { attempt: this.attempt, producers: [], final_weights: null, best_checkpoint: null });
  }
}
