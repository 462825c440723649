// Stands for the network's faults between a client and the server: it answers as the interface says, keeps what it has
// "sealed", and can be told what to do with the next requests. The real server is tried elsewhere.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SubmittedEvent } from '@runseal/contracts';

export interface DoorRequest {
  events: SubmittedEvent[];
  known: { epoch: number; seq: number; hash: string } | undefined;
  authorization: string | undefined;
  bytes: number;
}

/** Answers a request in the server's place; `seal` seals it as usual and returns the receipts. */
export type Fault = (request: DoorRequest, response: ServerResponse, seal: () => object[]) => void;

export const answer =
  (status: number, body: object = {}, headers: Record<string, string> = {}): Fault =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers }).end(JSON.stringify(body));
  };

export const problem = (status: number, code: string, more: object = {}): Fault =>
  answer(status, { type: `urn:runseal:problem:${code}`, title: code, status, code, detail: `it is ${code}`, ...more });

/** The connection breaks before anything is sealed. */
export const reset: Fault = (_request, response) => void response.destroy();
/** Sealed, but the answer never arrives. */
export const resetAfterCommit: Fault = (_request, response, seal) => {
  seal();
  response.destroy();
};

export class ScriptedDoor {
  readonly requests: DoorRequest[] = [];
  /** In the order of their seq. */
  readonly sealed: SubmittedEvent[] = [];
  /** Taken from the front, one a request; then `always`, then the usual answer. */
  readonly faults: Fault[] = [];
  always: Fault | null = null;
  /** Paths and bodies of heartbeats, and what they are answered. */
  readonly beats: { path: string; body: unknown }[] = [];
  beatAnswer: Fault = answer(200, { lease_s: 1, alerts: [], stop: false });
  epoch = 0;
  duplicates = 0;
  private readonly byId = new Map<string, { text: string; receipt: Record<string, unknown> }>();
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => void this.handle(request, response));
  }

  static async open(): Promise<ScriptedDoor> {
    const door = new ScriptedDoor();
    await new Promise<void>((resolve) => door.server.listen(0, '127.0.0.1', resolve));
    return door;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get ids(): string[] {
    return this.sealed.map(({ id }) => id);
  }

  /** Forgets all from `keptSize` on, as a restored backup does, and begins a new epoch. */
  restore(keptSize: number): void {
    for (const { id } of this.sealed.splice(keptSize)) this.byId.delete(id);
    this.epoch += 1;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (incoming.url?.endsWith('/heartbeat')) {
      this.beats.push({ path: incoming.url, body: JSON.parse(body.toString()) });
      return this.beatAnswer({ events: [], known: undefined, authorization: undefined, bytes: 0 }, response, () => []);
    }
    const { events, known } = JSON.parse(body.toString()) as DoorRequest;
    const request = { events, known, authorization: incoming.headers.authorization, bytes: body.length };
    this.requests.push(request);
    const fault = this.faults.shift() ?? this.always;
    if (fault) return fault(request, response, () => this.seal(events));
    const conflicts = events.flatMap((event, index) => (this.conflicts(event) ? [{ index, path: '/id' }] : []));
    if (conflicts.length > 0)
      return problem(409, 'event_id_conflict', { errors: conflicts })(request, response, () => []);
    answer(201, { receipts: this.seal(events) })(request, response, () => []);
  }

  private conflicts(event: SubmittedEvent): boolean {
    const first = this.byId.get(event.id);
    return first !== undefined && first.text !== JSON.stringify(event);
  }

  private seal(events: SubmittedEvent[]): object[] {
    return events.map((event) => {
      const first = this.byId.get(event.id);
      if (first) {
        this.duplicates += 1;
        return { ...first.receipt, duplicate: true };
      }
      const text = JSON.stringify(event);
      const receipt = {
        id: event.id,
        ledger: 'default',
        epoch: this.epoch,
        seq: this.sealed.length,
        hash: createHash('sha256').update(text).digest('hex'),
        sealed_at: new Date().toISOString(),
        duplicate: false,
      };
      this.byId.set(event.id, { text, receipt });
      this.sealed.push(event);
      return receipt;
    });
  }
}
