import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A request as it arrived at the far side. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export type Answering = (arrived: Arrived, response: ServerResponse) => unknown;

/** An HTTP server on this machine that stands for whatever is at the other end of the network. */
export class FarServer {
  readonly arrived: Arrived[] = [];

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** Without `answering` it says what arrived: method, URL and the length of the body. */
  static async start(answering: Answering = echo): Promise<FarServer> {
    const server = createServer((request, response) => void take(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const far = new FarServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const { method = '', url = '', headers } = request;
      const arrived = { method, url, headers, body: await buffer(request) };
      far.arrived.push(arrived);
      await answering(arrived, response);
    }
    return far;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const echo: Answering = ({ method, url, body }, response) => sendJson(response, { method, url, length: body.length });
