import { limits, type KnownRecord, type SubmittedEvent } from '@runseal/contracts';
import { ConfigError, readConfig, type ClientOptions } from './config.js';
import { backoff } from './courier.js';
import { postEvents, type Answer, type Problem } from './door.js';
import { isNewer, type Receipt } from './receipt.js';

export interface SubmitOptions extends Pick<ClientOptions, 'url' | 'apiKey' | 'caFile'> {
  /** How long one request is tried again on network faults, 429 and 5xx; 60. */
  retry_s?: number;
  /** The caller's last receipt. */
  known?: KnownRecord;
}

/** A request that the server did not seal. Those before it are sealed; submitting all again is safe. */
export class SubmitError extends Error {
  override readonly name = 'SubmitError';
  constructor(
    message: string,
    /** The server's problem, or null where it could not be reached. */
    readonly problem: Problem | null,
    /** Place of the request's first event among all; `problem.errors[].index` counts from there. */
    readonly from: number,
  ) {
    super(message);
  }
}

/**
 * Submits events with ids of the caller's own, in order, without a spool: for importers, whose source can be read again.
 * Yields the receipts of each request as it is sealed. Throws a SubmitError at the first request that is refused, or that
 * cannot be delivered within `retry_s`; an event sent twice is sealed once.
 */
export async function* submitEvents(
  events: Iterable<SubmittedEvent> | AsyncIterable<SubmittedEvent>,
  options: SubmitOptions = {},
): AsyncGenerator<Receipt[]> {
  const { url, apiKey } = readConfig(options);
  if (url === null || apiKey === null) throw new ConfigError(['url and apiKey are wanted to submit events']);
  let known = options.known ?? null;
  let from = 0;
  for await (const texts of group(events)) {
    const send = () => postEvents({ url, apiKey }, texts, known);
    const receipts = readReceipts(await sendWithRetries(send, (options.retry_s ?? 60) * 1000), from);
    for (const receipt of receipts) {
      if (isNewer(receipt, known)) known = { epoch: receipt.epoch, seq: receipt.seq, hash: receipt.hash };
    }
    from += texts.length;
    yield receipts;
  }
}

async function* group(events: Iterable<SubmittedEvent> | AsyncIterable<SubmittedEvent>): AsyncGenerator<string[]> {
  let texts: string[] = [];
  let bytes = 0;
  for await (const event of events) {
    const text = JSON.stringify(event);
    const size = Buffer.byteLength(text) + 1;
    // A kilobyte is left for `known` and the brackets.
    if (texts.length === limits.eventsPerRequest || (texts.length > 0 && bytes + size > limits.requestBytes - 1024)) {
      yield texts;
      texts = [];
      bytes = 0;
    }
    texts.push(text);
    bytes += size;
  }
  if (texts.length > 0) yield texts;
}

async function sendWithRetries(send: () => Promise<Answer>, limit_ms: number): Promise<Answer> {
  const deadline = Date.now() + limit_ms;
  for (let failures = 1; ; failures += 1) {
    const answer = await send();
    if (answer.kind !== 'retry') return answer;
    const pause_ms = Math.max(answer.after_ms, backoff(failures, 5000));
    if (Date.now() + pause_ms > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, pause_ms));
  }
}

function readReceipts(answer: Answer, from: number): Receipt[] {
  switch (answer.kind) {
    case 'sealed':
      return answer.receipts;
    case 'retry':
      throw new SubmitError(`The events from ${from} on could not be delivered: ${answer.why}`, null, from);
    case 'epoch_changed':
      throw new SubmitError(
        `The server was restored from a backup up to seq ${answer.keptSize}: submit everything again, without "known"`,
        { status: 409, code: 'epoch_changed', detail: 'the ledger has a new epoch', errors: [] },
        from,
      );
    default: {
      const { status, code, detail } = answer.problem;
      throw new SubmitError(
        `The server refused events from ${from} on: ${status} ${code ?? ''} ${detail}`,
        answer.problem,
        from,
      );
    }
  }
}
