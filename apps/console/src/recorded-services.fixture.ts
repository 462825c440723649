import { fileURLToPath } from 'node:url';
import type { RunningService } from '@runseal/runtime';
import { FarServer, sendJson, type Answering } from './far-server.fixture.js';
import * as recorded from './recorded-answers.fixture.js';
import { gatesAnswer, metricsAnswer } from './recorded-judgement.fixture.js';
import { resourcesAnswer } from './recorded-resources.fixture.js';
import { runAnswer } from './recorded-run.fixture.js';
import { startConsole } from './start-console.js';

export const KEY = 'rsk_0123456789abcdef_only-for-tests';

/** The page as built, in front of a server that answers with recorded shapes; what it answers can be changed while it runs. */
export class RecordedServices {
  /** Paths that answer otherwise: by path without query. */
  readonly exceptions = new Map<string, Answering>();

  private constructor(
    readonly far: FarServer,
    readonly console: RunningService,
  ) {}

  static async start(): Promise<RecordedServices> {
    const state: { services?: RecordedServices } = {};
    const far = await FarServer.start((arrived, response) => {
      const url = new URL(arrived.url, 'http://any');
      const exception = state.services?.exceptions.get(url.pathname);
      if (exception) return exception(arrived, response);
      if (arrived.headers.authorization !== `Bearer ${KEY}`) {
        return sendProblem(response, 401, 'unauthenticated', 'This key is unknown, expired or revoked.');
      }
      const answer = answerFor(url);
      if (typeof answer === 'string') return response.writeHead(200, { 'content-type': 'text/plain' }).end(answer);
      if (answer === null) return sendProblem(response, 404, 'not_found', `There is nothing at ${url.pathname}.`);
      return sendJson(response, answer);
    });
    const console = await startConsole({
      host: '127.0.0.1',
      port: 0,
      managementPort: null,
      log: { level: 'silent' },
      addresses: { ingest: [far.url], lineage: [far.url], gates: [far.url], registry: [far.url] },
      webFolder: fileURLToPath(new URL('../dist/web/', import.meta.url)),
    });
    state.services = new RecordedServices(far, console);
    return state.services;
  }

  async close(): Promise<void> {
    await this.console.close();
    await this.far.close();
  }
}

export function sendProblem(response: Parameters<Answering>[1], status: number, code: string, detail: string): void {
  sendJson(response, { type: `urn:runseal:problem:${code}`, status, code, detail, request_id: 'req-1' }, status);
}

function answerFor(url: URL): object | string | null {
  const [, , kind, id, part] = url.pathname.split('/');
  if (kind === 'whoami') return recorded.whoAmI;
  if (kind === 'status') return recorded.status;
  if (kind === 'log') return recorded.headNote;
  if (kind === 'experiments') return recorded.experiments;
  if (kind !== 'runs') return null;
  if (id === undefined) return recorded.runsPage(url.searchParams);
  if (part === 'metrics') return metricsAnswer(id);
  if (part === 'resources') return resourcesAnswer(id);
  if (part === 'gates') return gatesAnswer(id);
  return runAnswer(id);
}
