import type { RunEvent } from './run-event.js';
import type { RunFacts } from './run-facts.js';

/** Of a run of which nothing is known yet. */
export function newRunFacts(): RunFacts {
  throw new Error('not there yet');
}

/**
 * What the run's facts are after one more event: of the run's stream, or an artifact.registered of this run or its producers,
 * whose counters fill the gaps in the stream's. Events come by seq; one at or below `facts.seq` changes nothing. Total over
 * every event that fits its schema, in any order of meaning; `facts` itself is left as it is.
 */
export function evolveRun(facts: RunFacts, _event: RunEvent): RunFacts {
  return facts;
}

/** The run whose facts an event is for: by its stream, or by the `run` of an artifact.registered. Null: of none. */
export function runOfEvent(_event: RunEvent): string | null {
  return null;
}
