import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { createLedgerDatabase } from './ledger-database.js';
import { quantile } from './measure.js';
import { requestBody, runStream } from './metrics-events.js';
import { script } from './processes.js';

/** What the server does with a request that is ready to be sealed. */
export type Way = 'group commit' | 'no sealing' | 'one transaction per event';
export type ServerMessage = { readonly way: Way | 'end' };
export interface ServerSettings {
  readonly databaseUrl: string;
  readonly maintenanceDatabaseUrl: string;
  /** Of the signed heads. */
  readonly folder: string;
}

export interface Load {
  readonly connections: number;
  /** Events a request. */
  readonly events: number;
  readonly seconds: number;
}

export interface IngestServer {
  readonly target: Target;
  /** Sends as fast as answers come; returns events/s. Throws where one request got anything else than its receipts. */
  flood(way: Way, load: Load): Promise<number>;
  /** Sends at a fixed rate; returns the 99th percentile in ms, counted from when each request was due. */
  findP99(requests_per_s: number, load: Load): Promise<number>;
  close(): Promise<void>;
}

export interface Target {
  readonly url: string;
  /** Of a service that may write and read. */
  readonly key: string;
}

/** Starts Postgres and the service `ingest`, each in a process of its own. */
export async function startIngestServer(): Promise<IngestServer> {
  const database = await createLedgerDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'runseal-bench-'));
  const child = fork(script('ingest-server'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.send({ way: 'end' } satisfies ServerMessage);
      await once(child, 'exit');
    }
    await database.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { ingestUrl: databaseUrl, maintenanceUrl: maintenanceDatabaseUrl } = database;
    child.send({ databaseUrl, maintenanceDatabaseUrl, folder } satisfies ServerSettings);
    const target = await answerOf<Target>(child);
    return {
      target,
      flood: async (way, load) => {
        child.send({ way } satisfies ServerMessage);
        await answerOf(child);
        return flood(target, load);
      },
      findP99: async (requests_per_s, load) => {
        child.send({ way: 'group commit' } satisfies ServerMessage);
        await answerOf(child);
        return findP99(target, requests_per_s, load);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = (code: unknown) => reject(new Error(`the server of the bench ended with ${String(code)}`));
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.off('exit', ended);
      resolve(answer as Answer);
    });
  });
}

const headersOf = ({ key }: Target) => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json' });

async function flood(target: Target, { connections, events, seconds }: Load): Promise<number> {
  let number = 0;
  const result = await autocannon({
    url: `${target.url}/v1/events`,
    method: 'POST',
    headers: headersOf(target),
    connections,
    duration: seconds,
    // Every connection sends in turn to every run: as many runs train at once as there are connections.
    requests: [
      { setupRequest: (one) => Object.assign(one, { body: requestBody(events, runStream(number++ % connections)) }) },
    ],
  });
  const refused = result.non2xx + result.errors + result.timeouts;
  if (refused > 0) throw new Error(`${refused} of ${refused + result['2xx']} requests got no receipts`);
  return (result['2xx'] * events) / result.duration;
}

async function findP99(
  target: Target,
  requests_per_s: number,
  { connections, events, seconds }: Load,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const count = requests_per_s * seconds;
  const waits_ms: Promise<number>[] = [];
  const started = performance.now();
  while (waits_ms.length < count) {
    // A generator that is late sends what is due at once; that it was late counts as waiting.
    const due = Math.min(count, Math.floor(((performance.now() - started) * requests_per_s) / 1_000));
    while (waits_ms.length < due) {
      const due_ms = started + (waits_ms.length * 1_000) / requests_per_s;
      const body = requestBody(events, runStream(waits_ms.length % connections));
      waits_ms.push(post(target, agent, body).then(() => performance.now() - due_ms));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const p99 = quantile(await Promise.all(waits_ms), 0.99);
  agent.destroy();
  return p99;
}

function post(target: Target, agent: Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { ...headersOf(target), 'content-length': Buffer.byteLength(body) };
    const sent = request(`${target.url}/v1/events`, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 201) resolve();
        else reject(new Error(`a request was answered with ${response.statusCode}`));
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
