import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { canonicalJson } from '@runseal/chain';
import { eventTypes, type EventPayload, type EventType, type SubmittedEvent } from '@runseal/contracts';
import { hashFile, submitEvents } from '@runseal/sdk';
import { readTrainerState, type TrainerState } from './trainer-rows.js';

/** Small enough that one sees several requests, each with its receipts. */
const EVENTS_PER_REQUEST = 50;
const FINAL_REPORTS = ['all_results.json', 'eval_results.json', 'train_results.json', 'trainer_state.json'];

export interface ReplayTarget {
  readonly url: string;
  readonly apiKey: string;
  /** Takes one line for each request that was sealed. */
  readonly say: (line: string) => void;
}

export interface ReplayedRun {
  readonly run_id: string;
  readonly name: string;
  readonly rows: number;
  readonly sealed: number;
  readonly duplicates: number;
  /** Seq of the run's newest record. */
  readonly last_seq: number;
}

/**
 * Sends what a finished LLaMA-Factory folder tells as the events of one run. Ids are derived from the content: the same
 * folder again seals nothing new. Throws the SDK's SubmitError where the server refuses.
 */
export async function replayRun(folder: string, { url, apiKey, say }: ReplayTarget): Promise<ReplayedRun> {
  const events = await readEvents(folder);
  const name = basename(folder);
  const counts = { sealed: 0, duplicates: 0, last_seq: 0 };
  for (let at = 0; at < events.length; at += EVENTS_PER_REQUEST) {
    for await (const receipts of submitEvents(events.slice(at, at + EVENTS_PER_REQUEST), { url, apiKey })) {
      const seqs = receipts.map(({ seq }) => seq);
      const duplicates = receipts.filter(({ duplicate }) => duplicate).length;
      counts.sealed += receipts.length - duplicates;
      counts.duplicates += duplicates;
      counts.last_seq = Math.max(counts.last_seq, ...seqs);
      const range = `${Math.min(...seqs)}-${Math.max(...seqs)}`;
      say(`${name}: records ${range} ${duplicates === receipts.length ? 'were sealed before' : 'sealed'}`);
    }
  }
  const rows = events.reduce((sum, { payload }) => sum + ('rows' in payload ? payload.rows.length : 0), 0);
  return { run_id: events[0]?.stream.slice('run/'.length) ?? '', name, rows, ...counts };
}

/**
 * The events of a run's folder, in the order in which they happened, a row an event. The run's id comes from its first row and
 * its configuration, every other id from run, type and payload, so that a folder that has grown adds only what is new.
 */
export async function readEvents(folder: string): Promise<SubmittedEvent[]> {
  const state = readTrainerState(await readFile(join(folder, 'trainer_state.json'), 'utf8'));
  const configs = await Promise.all((await findConfigs(folder)).map((path) => describeFile(folder, path)));
  const run = deriveUuid(['run', state.rows[0] ?? null, configs[0]?.digest ?? null]);
  const events: SubmittedEvent[] = [];
  const add = <Type extends EventType>(type: Type, payload: EventPayload<Type>): string => {
    const id = deriveUuid([run, type, payload]);
    const { version } = eventTypes[type];
    events.push({ id, type, version, stream: `run/${run}`, occurred_at: null, producer: null, payload });
    return id;
  };
  add('run.started', describeStart(basename(folder)));
  const attempt = add('run.attempt-started', {
    resumes: null,
    total_steps: state.maxSteps,
    total_epochs: state.epochsPlanned,
    processes: null,
    asserted: [],
  });
  for (const { path, digest } of configs) {
    add('run.input-recorded', { kind: 'config', path, digest, resolved_digest: null, git: null, asserted: [] });
  }
  for (const row of state.rows) add('run.metrics-logged', { attempt, rows: [row] });
  for (const report of FINAL_REPORTS) {
    const { path, digest, size_bytes } = await describeFile(folder, report);
    const unknown = { type: null, files: null, tensors_finite: null };
    add('run.output-recorded', { role: 'report', path, digest, size_bytes, ...unknown, asserted: [] });
  }
  add('run.finished', describeEnd(state, attempt));
  return events;
}

const describeStart = (name: string): EventPayload<'run.started'> => ({
  experiment: 'quickstart',
  name,
  target_model: null,
  tasks: null,
  objective: null,
  trainer: { name: 'llama_factory', version: null },
  recorded: 'afterwards',
  expected_samples_per_second: null,
  tags: {},
  asserted: ['/payload/experiment', '/payload/trainer'],
});

const describeEnd = (state: TrainerState, attempt: string): EventPayload<'run.finished'> => ({
  attempt,
  total_steps: state.maxSteps,
  completed_steps: state.lastStep,
  epochs_completed: state.lastEpoch,
  active_seconds: null,
  final_weights: null,
  best_checkpoint: state.best,
  producers: [],
  asserted: [],
});

async function describeFile(folder: string, path: string) {
  const { digest, size_bytes } = await hashFile(join(folder, path));
  return { path, digest, size_bytes };
}

async function findConfigs(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'inputs'));
  return names
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => `inputs/${name}`);
}

/** Byte 0 of the derived ids that the ledger takes from ingest; other services have bytes of their own. */
const INGEST_ID_BYTE = 1;

/** A UUID of version 8 (RFC 9562, section 5.8) whose bits, but for that byte, are the SHA-256 of what it names. */
function deriveUuid(facts: readonly unknown[]): string {
  const bytes = createHash('sha256')
    .update(`runseal.id.v1\n${canonicalJson(facts)}`)
    .digest()
    .subarray(0, 16);
  bytes[0] = INGEST_ID_BYTE;
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
