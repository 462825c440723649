import type { EventPayload } from '@runseal/contracts';
import type { HashProgress } from './hash-path.js';
import type { RowPlace } from './metrics-buffer.js';
import type { Checkpoint, Ending, Given, GivenEnvironment, GivenEvaluation, Input, Output } from './payloads.js';
import type { OwnEvent } from './recorder.js';

/** How it stands with the delivery. */
export interface Delivery {
  /** Whether all that was accepted is sealed or set aside. */
  complete: boolean;
  /** Accepted, not yet acknowledged: on disk in `folder`, sent later by `sendSpool`. */
  spooled: number;
  /** Refused by the server for themselves, now in `<spool>/refused`. */
  setAside: number;
  folder: string | null;
}

export interface HashOptions {
  /** Hash what lies at `path` in the background, then record. Training goes on; `finish` waits for it. */
  hash?: boolean;
  onProgress?: HashProgress;
}

/** What a trainer holds. No method throws, rejects or waits for the network but `flush`, `finish` and `fail`, which wait with a limit. */
export interface Run {
  readonly id: string;
  readonly attempt: string;
  /** Whether the server has asked for an end of the training: for a loop that wants to obey. */
  readonly stopRequested: boolean;
  logMetrics(values: Readonly<Record<string, number | string>>, place: RowPlace): void;
  logParameters(parameters: object): void;
  logInput(input: Given<Input>, options?: HashOptions): void;
  logOutput(output: Given<Output>, options?: HashOptions): void;
  logEnvironment(environment: GivenEnvironment): void;
  saveCheckpoint(checkpoint: Given<Checkpoint>, options?: HashOptions): void;
  evaluate(evaluation: GivenEvaluation): void;
  /** Records an event of the caller's own making; returns its id, or null where it was not accepted. */
  record(event: OwnEvent): string | null;
  /** Waits until all accepted so far is delivered, at most `limit_ms`. */
  flush(limit_ms?: number): Promise<Delivery>;
  finish(ending?: Partial<Given<Ending>>): Promise<Delivery>;
  fail(error: unknown, ending?: Partial<Given<Ending>> & Failure): Promise<Delivery>;
}

export type Failure = Partial<Pick<EventPayload<'run.failed'>, 'exit_code' | 'signal'>>;
