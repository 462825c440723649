import { v7 as uuidv7 } from 'uuid';
import { validateEvent, type EventPayload } from '@runseal/contracts';
import { checkRunId, ConfigError, readConfig, type ClientOptions } from './config.js';
import { readEnvironment } from './environment.js';
import type { Run } from './run.js';
import { RunHandle } from './run-handle.js';
import { blankAttempt, blankRun, fill, type AttemptFacts, type Given, type RunFacts } from './payloads.js';
import { Recorder } from './recorder.js';
import type { Receipt } from './receipt.js';
import { Teller } from './say.js';

/** Facts of `run.started` and `run.attempt-started` under their own names, and how to reach the server. */
export interface StartRunOptions
  extends ClientOptions, Partial<Given<Omit<RunFacts, 'experiment'>>>, Partial<Given<AttemptFacts>> {
  /** RUNSEAL_EXPERIMENT. Wanted for a new run. */
  experiment?: string;
  /** Attach to this run with a new attempt instead of starting one. RUNSEAL_RUN_ID. */
  runId?: string;
  /** Called once a request with its receipts, in the order of its events. */
  onReceipts?: (receipts: Receipt[]) => void;
}

/**
 * Starts a run, or an attempt of a run that exists. Rejects with a ConfigError for wrong arguments only, all faults at
 * once; an unreachable server or a full disk costs one line. What the handle then accepts lies in the spool and is
 * delivered in the background.
 */
export async function startRun(options: StartRunOptions = {}): Promise<Run> {
  const environment = readEnvironment();
  const isDisabled = environment.disabled === '1';
  const faults: string[] = [];
  const attachTo = checkRunId(options.runId ?? environment.runId, faults);
  const experiment = options.experiment ?? environment.experiment;
  if (!isDisabled && attachTo === null && !experiment) faults.push('experiment (RUNSEAL_EXPERIMENT) is missing');
  const config = readConfig(options, environment, faults);
  const teller = new Teller(config.say);
  const run = attachTo ?? uuidv7();
  if (isDisabled) return new RunHandle({ run, attempt: uuidv7(), recorder: null, teller, drain_ms: 0, door: null });
  if (config.url === null || config.apiKey === null) {
    teller.once(
      'no server',
      `no ${config.url === null ? 'RUNSEAL_URL' : 'RUNSEAL_API_KEY'}: recording to ${config.spoolDir} only`,
    );
  }
  const started = { ...pick(blankRun, options), experiment: experiment ?? '', recorded: 'live' as const };
  const attemptStarted = pick(blankAttempt, options);
  checkPayloads(attachTo === null ? { started, attemptStarted } : { attemptStarted });
  const recorder = new Recorder(config, run, teller, options.onReceipts);
  if (attachTo === null) recorder.record('run.started', started);
  const attempt = recorder.record('run.attempt-started', attemptStarted) ?? uuidv7();
  recorder.attempt = attempt;
  const { url, apiKey, drain_ms } = config;
  const door = url !== null && apiKey !== null ? { url, apiKey } : null;
  return new RunHandle({ run, attempt, recorder, teller, drain_ms, door });
}

function pick<Blank extends object>(blank: Blank, options: object): Blank {
  return fill(blank, Object.fromEntries(Object.entries(options).filter(([member]) => member in blank)));
}

/** Wrong facts are the caller's bug and the last that may be thrown. */
function checkPayloads(payloads: { started?: EventPayload<'run.started'>; attemptStarted: AttemptFacts }): void {
  const stream = `run/${uuidv7()}`;
  const draft = (type: string, payload: object) => ({
    id: uuidv7(),
    type,
    version: 1,
    stream,
    occurred_at: null,
    producer: null,
    payload,
  });
  const drafts = [
    ...(payloads.started ? [draft('run.started', payloads.started)] : []),
    draft('run.attempt-started', payloads.attemptStarted),
  ];
  const faults = drafts.flatMap((event) => validateEvent(event)?.message ?? []);
  if (faults.length > 0) throw new ConfigError(faults);
}
