import { Agent as HttpAgent, request as requestHttp, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Service } from './routing-table.js';
import { ServiceDown } from './service-down.js';

/** Addresses of every service, one or more each: `http://ingest-1:7451`. Paths in them are not used. */
export type Addresses = Readonly<Record<Service, readonly string[]>>;

export interface Outgoing {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly target: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | null;
}

const ANSWER_LIMIT_MS = 30_000;
const REPEATABLE = new Set(['GET', 'HEAD']);

/** The connections to the services. Addresses of one service take turns. */
export class Upstreams {
  private readonly http = new HttpAgent({ keepAlive: true });
  private readonly https = new HttpsAgent({ keepAlive: true });
  private turn = 0;

  constructor(
    private readonly addresses: Addresses,
    private readonly answerLimit_ms = ANSWER_LIMIT_MS,
  ) {}

  /**
   * Resolves with the head of the answer, whatever its status; the body is read by the caller, without a limit of time. A GET
   * goes to the next address where one cannot be reached. Rejects with `ServiceDown` where there is no answer.
   */
  async send(service: Service, outgoing: Outgoing): Promise<IncomingMessage> {
    const addresses = this.addresses[service];
    const first = this.turn++;
    const tries = REPEATABLE.has(outgoing.method) ? addresses.length : 1;
    for (let at = 0; ; at += 1) {
      try {
        return await this.sendTo(addresses[(first + at) % addresses.length] ?? '', outgoing);
      } catch (error) {
        if (error instanceof AnswerLimit) throw new ServiceDown('service_timeout', service, error);
        if (at + 1 >= tries) throw new ServiceDown('service_unavailable', service, error);
      }
    }
  }

  close(): void {
    this.http.destroy();
    this.https.destroy();
  }

  private sendTo(address: string, { method, target, headers, body }: Outgoing): Promise<IncomingMessage> {
    const { protocol, hostname, port } = new URL(address);
    const isTls = protocol === 'https:';
    return new Promise((resolve, reject) => {
      const options = {
        // An IPv6 address stands in brackets in a URL only.
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port,
        method,
        path: target,
        headers: { ...headers, ...(body ? { 'content-length': body.length } : {}) },
        agent: isTls ? this.https : this.http,
      };
      const request = isTls ? requestHttps(options) : requestHttp(options);
      const timer = setTimeout(() => request.destroy(new AnswerLimit(this.answerLimit_ms)), this.answerLimit_ms);
      request.once('response', resolve);
      request.once('error', reject);
      request.once('close', () => clearTimeout(timer));
      request.once('response', () => clearTimeout(timer));
      request.end(body ?? undefined);
    });
  }
}

class AnswerLimit extends Error {
  constructor(limit_ms: number) {
    super(`no answer within ${limit_ms} ms`);
  }
}
