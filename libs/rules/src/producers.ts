// Counters of the clients: what was counted and is not here is lost, or still on its way.
import { addFault, leaveOut, type Draft } from './draft.js';
import type { MaybeFact, ProducerFacts, RunFacts } from './run-facts.js';
import { factsLimits } from './run-facts.js';

interface Counter {
  readonly id: string;
  readonly seq: number;
}
interface At {
  readonly seq: number;
}

/** An event of the run came with this counter. */
export function seeCounter(draft: Draft, event: At, counter: Counter): void {
  const outcome = mark(draft, event, counter);
  if (outcome === 'repeated') {
    const words = `two records of this producer carry counter ${counter.seq}`;
    addFault(draft, event, { kind: 'counter_repeated', subject: counter.id, words });
  }
}

/** A client says that the event with this counter will not come. */
export function seeDeclared(draft: Draft, event: At, counter: Counter): void {
  mark(draft, event, counter);
}

/** An ending says how many events the producer has counted. Of several the largest counts. */
export function expectCounter(draft: Draft, event: At, { id, count }: { id: string; count: MaybeFact<number> }): void {
  if (count === null) return;
  const index = place(draft, event, id);
  const producer = draft.producers[index];
  if (!producer || (producer.expected && producer.expected.value >= count.value)) return;
  draft.producers = draft.producers.with(index, { ...producer, expected: count });
}

/** Whether an ending has counted it: then it may come late. */
export function isExpected({ producers }: RunFacts, counter: Counter | null): boolean {
  if (!counter) return false;
  const producer = producers[find(producers, counter.id)];
  return producer?.id === counter.id && producer.expected !== null && counter.seq < producer.expected.value;
}

/** The counters below `count` that are not there, as ranges. */
export function missingCounters({ seen }: ProducerFacts, count: number): readonly (readonly [number, number])[] {
  const missing: [number, number][] = [];
  let next = 0;
  for (const [from, to] of seen) {
    if (next >= count) break;
    if (from > next) missing.push([next, Math.min(from, count) - 1]);
    next = to + 1;
  }
  if (next < count) missing.push([next, count - 1]);
  return missing;
}

/** First place whose id is not below. */
function find(producers: readonly ProducerFacts[], id: string): number {
  let [low, high] = [0, producers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((producers[middle] as ProducerFacts).id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Place of the producer, which is added where it is new; -1 where there are too many. */
function place(draft: Draft, event: At, id: string): number {
  const index = find(draft.producers, id);
  if (draft.producers[index]?.id === id) return index;
  if (draft.producers.length >= factsLimits.producers) {
    leaveOut(draft, event, 'producers');
    return -1;
  }
  draft.producers = draft.producers.toSpliced(index, 0, { id, seen: [], expected: null });
  return index;
}

function mark(draft: Draft, event: At, { id, seq }: Counter): 'new' | 'repeated' | 'left_out' {
  const index = place(draft, event, id);
  const producer = draft.producers[index];
  if (!producer) return 'left_out';
  const seen = withCounter(producer.seen, seq);
  if (seen === null) return 'repeated';
  if (seen.length > factsLimits.producerRanges) {
    leaveOut(draft, event, 'producerRanges');
    return 'left_out';
  }
  draft.producers = draft.producers.with(index, { ...producer, seen });
  return 'new';
}

type Ranges = ProducerFacts['seen'];

/** Null where it is there already. Nearly always it is the next one. */
function withCounter(seen: Ranges, seq: number): Ranges | null {
  const last = seen.at(-1);
  if (!last || seq > last[1] + 1) return [...seen, [seq, seq]];
  if (seq === last[1] + 1) return seen.with(-1, [last[0], seq]);
  // The first range that ends at or beyond its left neighbour.
  const index = seen.findIndex(([, to]) => to >= seq - 1);
  const [from, to] = seen[index] as readonly [number, number];
  if (seq >= from && seq <= to) return null;
  if (seq < from - 1) return seen.toSpliced(index, 0, [seq, seq]);
  if (seq === from - 1) return seen.with(index, [seq, to]);
  // seq is to + 1: it may close the gap to the next range.
  const next = seen[index + 1];
  if (next?.[0] === seq + 1) return seen.toSpliced(index, 2, [from, next[1]]);
  return seen.with(index, [from, seq]);
}
