import { limits, type KnownRecord, type SubmittedEvent } from '@runseal/contracts';
import { submitEvents, SubmitError } from '@runseal/sdk';
import type { Address } from '../credentials.js';
import { openProgress } from '../progress.js';
import { CliError, count, NO, UNDETERMINED, type Output } from '../surroundings.js';

/** While the server seals one request it reads the next. */
const REQUESTS_AT_ONCE = 2;

export interface Sending {
  readonly address: Address;
  readonly err: Output;
  readonly interrupted: AbortSignal;
}

export interface Sent {
  readonly sealed: number;
  /** Seq of the last event's record; null where nothing was sent. */
  readonly lastSeq: number | null;
}

/**
 * Seals the events of an import: what comes before the rows, then the rows, then what comes after them. Requests of rows overlap,
 * so that a request may be sealed before an earlier one: rows are placed by attempt and step, not by their records. Throws a
 * CliError where a request is refused or Ctrl-C was pressed; what is sealed by then stays, and the next import seals the rest.
 */
export async function sendEvents(events: readonly SubmittedEvent[], sending: Sending): Promise<Sent> {
  const { url, apiKey } = sending.address;
  if (apiKey === null) throw new CliError('No key is named. Give --key or RUNSEAL_API_KEY.', UNDETERMINED);
  const progress = openProgress(sending.err, 'sealing', events.length);
  let [done, sealed, lastSeq]: [number, number, number | null] = [0, 0, null];
  let known: KnownRecord | undefined;
  const sendInOrder = async (part: readonly SubmittedEvent[]) => {
    for await (const receipts of submitEvents(part, { url, apiKey, ...(known ? { known } : {}) })) {
      const last = receipts.at(-1);
      if (last) [known, lastSeq] = [{ epoch: last.epoch, seq: last.seq, hash: last.hash }, last.seq];
      done += receipts.length;
      sealed += receipts.filter(({ duplicate }) => !duplicate).length;
      progress.update(done, done);
      if (sending.interrupted.aborted && done < events.length) throw interruptedAt(done, events.length);
    }
  };
  const { before, rows, after } = splitAtRows(events);
  try {
    await sendInOrder(before);
    // One iterator for all: each takes the next request as soon as its own is answered, none after a failure.
    const requests = requestsOf(rows);
    const sendNext = async () => {
      for (const request of requests) await sendInOrder(request);
    };
    await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, sendNext));
    await sendInOrder(after);
    return { sealed, lastSeq };
  } catch (cause) {
    if (!(cause instanceof SubmitError)) throw cause;
    // Places count within a part of the events here, which would tell a reader nothing.
    const message = cause.message.replace(/ from \d+ on/, '');
    throw new CliError(
      `${message}. What was sealed before it stays; import again to go on.`,
      cause.problem ? NO : UNDETERMINED,
      { cause },
    );
  } finally {
    progress.end();
  }
}

function splitAtRows(events: readonly SubmittedEvent[]) {
  const isRow = ({ type }: SubmittedEvent) => type === 'run.metrics-logged';
  const first = events.findIndex(isRow);
  const [from, to] = first < 0 ? [events.length, events.length] : [first, events.findLastIndex(isRow) + 1];
  return { before: events.slice(0, from), rows: events.slice(from, to), after: events.slice(to) };
}

function* requestsOf(events: readonly SubmittedEvent[]): Generator<readonly SubmittedEvent[]> {
  const size = limits.eventsPerRequest;
  for (let from = 0; from < events.length; from += size) yield events.slice(from, from + size);
}

const interruptedAt = (done: number, total: number) =>
  new CliError(`Interrupted after ${count(done)} of ${count(total)} events. Import again to go on.`);
