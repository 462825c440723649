import type { Server } from './server.js';
import { CliError } from './surroundings.js';

const PAGE_RECORDS = 1_000;

export interface PageRequest {
  /** The last seq that the caller has; -1 for the start. */
  readonly after: number;
  readonly limit?: number;
  readonly stream?: string | undefined;
  readonly type?: string | undefined;
}

export interface RecordPage {
  /** Records as JSON, not checked. */
  readonly items: readonly unknown[];
  /** The last seq of the page, to go on from. */
  readonly last: number;
}

/** Pages of `/v1/records` until an empty one says that there is no more for now; the next is fetched while one is worked on. */
export async function* readPages(server: Server, request: PageRequest): AsyncGenerator<RecordPage> {
  for (let next = readPage(server, request); ;) {
    const page = await next;
    if (page.items.length === 0) return;
    next = readPage(server, { ...request, after: page.last });
    next.catch(() => undefined); // awaited in the next turn
    yield page;
  }
}

export async function readPage(server: Server, request: PageRequest): Promise<RecordPage> {
  const { after, limit = PAGE_RECORDS, stream, type } = request;
  const query = new URLSearchParams({ after: String(after), limit: String(limit) });
  if (stream !== undefined) query.set('stream', stream);
  if (type !== undefined) query.set('type', type);
  const { items } = await server.getJson<{ items: readonly { seq?: unknown }[] }>(`/v1/records?${query.toString()}`);
  if (!Array.isArray(items)) throw new CliError(`${server.url}/v1/records is no Runseal server's answer.`);
  const last: unknown = items.length === 0 ? after : items.at(-1)?.seq;
  // Without a later seq the place to go on from is not known, and a server could keep us for ever.
  if (!Number.isSafeInteger(last) || (items.length > 0 && (last as number) <= after)) {
    throw new CliError(`${server.url}/v1/records answered with no record after ${after} where it had to.`);
  }
  return { items, last: last as number };
}
