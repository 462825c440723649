import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EventPayload, EventType } from '@runseal/contracts';
import type { VerdictAnswer } from '@runseal/gates';
import type { Page } from '@runseal/lineage';
import type { VersionAnswer } from '@runseal/registry';
import { findFreePort, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';

const SCRIPT = fileURLToPath(new URL('../../apps/cli/bin/runseal.js', import.meta.url));
const DEMO = fileURLToPath(new URL('../../apps/cli/demo/', import.meta.url));

export const demoFolder = (name: 'healthy-lora' | 'overfit-full'): string => join(DEMO, name);

/** The model of both demo runs. */
export const MODEL = 'tiny-llama-demo';
/** Each command is a process of its own; on a machine that does other things too they take their time. */
export const LIMIT_MS = 90_000;

export interface Imported {
  readonly run_id: string;
  readonly state: string;
  readonly overall: string;
  readonly events: number;
  readonly sealed: number;
  readonly duplicates: number;
}

export const gatesOf = ({ gates }: VerdictAnswer): Record<string, string> =>
  Object.fromEntries(gates.map(({ id, verdict }) => [id, verdict]));

export interface Ended {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

export interface SealedEvent {
  readonly seq: number;
  readonly id: string;
  readonly type: EventType;
  readonly actor: string;
  readonly payload: Record<string, unknown>;
}

/** `runseal standalone` as built, in a folder of its own, and `runseal` beside it: child processes all of them, as for a person. */
export class JudgedSite {
  private server: ChildProcess | null = null;
  private said = '';
  credentials = { url: '', api_key: '' };

  private constructor(
    readonly folder: string,
    private readonly port: number,
  ) {}

  static async open(): Promise<JudgedSite> {
    const folder = await mkdtemp(join(tmpdir(), 'runseal-judged-'));
    // Started by root, Postgres runs as another user.
    await chmod(folder, 0o711);
    const site = new JudgedSite(folder, await findFreePort());
    await site.start();
    return site;
  }

  async start(): Promise<void> {
    this.said = '';
    const server = this.spawn(['standalone', '--port', String(this.port)]);
    for (const stream of [server.stdout, server.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.said += text));
    this.server = server;
    await waitFor('the address', () => this.said.includes('Runseal serves') || hasEnded(server), 60_000);
    if (hasEnded(server)) throw new Error(`standalone ended: ${this.said}`);
    this.credentials = JSON.parse(
      await readFile(join(this.folder, '.runseal', 'credentials.json'), 'utf8'),
    ) as typeof this.credentials;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const { server } = this;
    if (!server || hasEnded(server)) return;
    server.kill(signal);
    await once(server, 'exit');
  }

  async close(): Promise<void> {
    await this.kill('SIGTERM');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  /** The command in the folder where its credentials are; `key` is another person's. */
  spawn(args: readonly string[], key?: string): ChildProcess {
    const env = {
      XDG_CONFIG_HOME: join(this.folder, 'config'),
      ...(key === undefined ? {} : { RUNSEAL_API_KEY: key }),
    };
    return spawn(process.execPath, [SCRIPT, ...args], { env, cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async cli(args: readonly string[], key?: string): Promise<Ended> {
    return ended(this.spawn(args, key));
  }

  /** What a command prints with `--json`; throws unless it ends as it should. */
  async json<Answer>(args: readonly string[], { exitCode = 0, key }: { exitCode?: number; key?: string } = {}) {
    const answer = await this.cli([...args, '--json'], key);
    if (answer.exitCode !== exitCode)
      throw new Error(`runseal ${args.join(' ')} ended with ${answer.exitCode}: ${answer.out}${answer.err}`);
    return JSON.parse(answer.out) as Answer;
  }

  async createKey(principal: string, kind: 'person' | 'service', ...scopes: string[]): Promise<string> {
    const args = ['keys', 'create', '--principal', principal, '--kind', kind, '--scopes', ...scopes];
    return (await this.json<{ secret: string }>(args)).secret;
  }

  importFolder(folder: string, ...more: string[]): Promise<Imported> {
    return this.json<Imported>([
      ...['import', 'llamafactory', folder, '--experiment', 'demo', '--dataset', join(folder, 'train.json')],
      ...['--facts', join(folder, 'facts.yaml'), ...more],
    ]);
  }

  /** The newest verdict; a blocked run's makes the command end with 1. */
  why(run: string, exitCode = 0, ...more: string[]): Promise<VerdictAnswer> {
    return this.json<VerdictAnswer>(['why', run, ...more], { exitCode });
  }

  /** A version once it is as wanted: the registry follows the ledger. */
  versionThat(model: string, version: number, is: (now: VersionAnswer) => boolean): Promise<VersionAnswer> {
    return waitFor(`${model} version ${version}`, async () => {
      const answer = await this.request(`/v1/models/${model}/versions/${version}`);
      const now = answer.ok ? ((await answer.json()) as VersionAnswer) : null;
      return now !== null && is(now) && now;
    });
  }

  verdictThat(run: string, is: (now: VerdictAnswer) => boolean): Promise<VerdictAnswer> {
    return waitFor(`a verdict on ${run}`, async () => {
      const answer = await this.request(`/v1/runs/${run}/gates?limit=1`);
      const [newest] = ((await answer.json()) as Page<VerdictAnswer>).items;
      return newest !== undefined && is(newest) && newest;
    });
  }

  /** One more row of a run, however long after its end. */
  async sealLateRow(run: string, step: number, values: Record<string, number | 'NaN'>): Promise<number> {
    const attempt = (await this.records(`run/${run}`)).find(({ type }) => type === 'run.attempt-started')?.id ?? '';
    return this.submit('run.metrics-logged', run, {
      attempt,
      rows: [{ kind: 'train', step, n: 0, at: null, epoch: null, values }],
    });
  }

  /** A copy of a demo run's folder, to be changed by a test. */
  async copy(name: 'healthy-lora' | 'overfit-full', to: string): Promise<string> {
    const folder = join(this.folder, to);
    await cp(demoFolder(name), folder, { recursive: true });
    return folder;
  }

  async edit(path: string, edit: (text: string) => string): Promise<void> {
    await writeFile(path, edit(await readFile(path, 'utf8')));
  }

  /** Submits one event to a run, as a trainer of the admin would. */
  async submit<Type extends EventType>(type: Type, run: string, payload: EventPayload<Type>): Promise<number> {
    const event = { id: uuidv7(), type, version: 1, stream: `run/${run}`, occurred_at: null, producer: null, payload };
    const answer = await this.request('/v1/events', { events: [event] });
    if (answer.status !== 201) throw new Error(`not sealed: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { receipts: { seq: number }[] }).receipts[0]?.seq ?? -1;
  }

  request(path: string, body?: unknown): Promise<Response> {
    const { url, api_key } = this.credentials;
    const headers = { authorization: `Bearer ${api_key}`, 'content-type': 'application/json' };
    return fetch(url + path, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
  }

  /** All that is sealed on a stream, in order. */
  async records(stream: string): Promise<SealedEvent[]> {
    const found: SealedEvent[] = [];
    for (let after = -1; ;) {
      const answer = await this.request(`/v1/records?stream=${encodeURIComponent(stream)}&limit=1000&after=${after}`);
      const { items } = (await answer.json()) as { items: { seq: number; envelope: string; payload: string }[] };
      if (items.length === 0) return found;
      for (const { seq, envelope, payload } of items) {
        const told = JSON.parse(envelope) as Omit<SealedEvent, 'seq' | 'payload'>;
        found.push({ ...told, seq, payload: JSON.parse(payload) as Record<string, unknown> });
        after = seq;
      }
    }
  }
}

export async function ended(child: ChildProcess): Promise<Ended> {
  let [out, err] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, out, err };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;
