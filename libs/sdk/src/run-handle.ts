import type { EventPayload, EventType } from '@runseal/contracts';
import { forgetRun, rememberRun } from './exit.js';
import type { Door } from './door.js';
import { hashPath, type PathContent } from './hash-path.js';
import { Heartbeat } from './heartbeat.js';
import { encodeMetric, MetricsBuffer, type RowPlace } from './metrics-buffer.js';
import {
  blankCheckpoint,
  blankEnding,
  blankEvaluation,
  blankInput,
  blankOutput,
  blankSet,
  completeEnvironment,
  fill,
  flattenParameters,
  type Checkpoint,
  type Ending,
  type Given,
  type GivenEnvironment,
  type GivenEvaluation,
  type Input,
  type Output,
} from './payloads.js';
import type { OwnEvent, Recorder } from './recorder.js';
import type { Delivery, Failure, HashOptions, Run } from './run.js';
import type { Teller } from './say.js';

/** Milliseconds that rows wait in memory for company. */
export const GATHER_MS = 5000;
/** Parameters in one event, well below the schema's limit. */
const PARAMETERS_PER_EVENT = 1000;

interface HandleParts {
  run: string;
  attempt: string;
  /** Null where recording is disabled. */
  recorder: Recorder | null;
  teller: Teller;
  drain_ms: number;
  /** Where to tell that the run is alive; null: nowhere. */
  door: Door | null;
}

export class RunHandle implements Run {
  readonly id: string;
  readonly attempt: string;
  stopRequested = false;
  private readonly heart: Heartbeat | null;
  private readonly buffer = new MetricsBuffer();
  private timer: NodeJS.Timeout | null = null;
  private gatherUntil = 0;
  /** Each hashing under way, and how to record its subject without it. */
  private readonly hashing = new Map<Promise<void>, () => void>();
  private isEnded = false;

  constructor(private readonly parts: HandleParts) {
    this.id = parts.run;
    this.attempt = parts.attempt;
    if (parts.recorder) rememberRun(this);
    const { run, attempt, teller, door } = parts;
    this.heart = door && new Heartbeat({ door, run, attempt, teller, onStop: () => this.askToStop() });
  }

  logMetrics(values: Readonly<Record<string, number | string>>, place: RowPlace): void {
    this.guard(() => {
      const wrong = this.buffer.push(values, place);
      if (wrong) this.parts.teller.once('metrics', `logMetrics: ${wrong}; it is left out`);
      if (this.buffer.isFull) return this.flushMetrics();
      // A training loop that never yields gives timers no turn, so the clock is asked here too.
      if (this.timer === null) this.gather();
      else if (Date.now() >= this.gatherUntil) this.flushMetrics();
    });
  }

  logParameters(parameters: object): void {
    this.guard(() => {
      const all = Object.entries(flattenParameters(parameters));
      for (let at = 0; at < all.length; at += PARAMETERS_PER_EVENT) {
        const some = Object.fromEntries(all.slice(at, at + PARAMETERS_PER_EVENT));
        this.keep('run.parameters-recorded', { attempt: this.attempt, parameters: some, asserted: [] });
      }
    });
  }

  logInput(input: Given<Input>, options: HashOptions = {}): void {
    this.guard(() => {
      const payload = fill({ ...blankInput[input.kind] } as Input, input);
      const kind = 'role' in payload ? (payload.kind === 'other' ? payload.role : 'dataset') : payload.kind;
      this.withContent(payload.path, payload.digest, options, (content) => {
        this.keep('run.input-recorded', { ...payload, digest: content.digest });
        this.registerArtifact(kind, payload.path, content);
      });
    });
  }

  logOutput(output: Given<Output>, options: HashOptions = {}): void {
    this.guard(() => {
      const payload: Output = fill({ ...blankOutput, role: output.role }, output);
      this.withContent(payload.path, payload.digest, options, (content) => {
        const { digest, size_bytes = payload.size_bytes, files = payload.files } = content;
        this.keep('run.output-recorded', { ...payload, digest, size_bytes, files });
        this.registerArtifact(payload.role, payload.path, content);
      });
    });
  }

  logEnvironment(environment: GivenEnvironment): void {
    this.guard(() =>
      this.keep('run.environment-recorded', { attempt: this.attempt, ...completeEnvironment(environment) }),
    );
  }

  saveCheckpoint(checkpoint: Given<Checkpoint>, options: HashOptions = {}): void {
    this.guard(() => {
      const payload = fill({ ...blankCheckpoint, step: checkpoint.step }, checkpoint);
      this.withContent(payload.path, payload.digest, options, (content) => {
        const { digest, size_bytes = payload.size_bytes } = content;
        this.keep('run.checkpoint-saved', { ...payload, attempt: this.attempt, digest, size_bytes });
        this.registerArtifact('checkpoint', payload.path, content);
      });
    });
  }

  evaluate(evaluation: GivenEvaluation): void {
    this.guard(() => {
      const set = fill({ ...blankSet, kind: evaluation.set.kind }, evaluation.set);
      const payload = fill({ ...blankEvaluation, set }, evaluation);
      const metrics = payload.metrics.map((metric) => ({
        ...metric,
        value: encodeMetric(metric.value) ?? metric.value,
      }));
      this.keep('run.evaluated', { ...payload, metrics, set });
    });
  }

  record(event: OwnEvent): string | null {
    let id: string | null = null;
    this.guard(() => {
      this.flushMetrics();
      id = this.parts.recorder?.recordOwn(event) ?? null;
    });
    return id;
  }

  async flush(limit_ms = this.parts.drain_ms): Promise<Delivery> {
    this.flushMetrics();
    await this.parts.recorder?.drain(limit_ms);
    return this.delivery();
  }

  async finish(ending: Partial<Given<Ending>> = {}): Promise<Delivery> {
    return this.end('run.finished', {}, ending);
  }

  async fail(error: unknown, ending: Partial<Given<Ending>> & Failure = {}): Promise<Delivery> {
    const { exit_code = null, signal = null } = ending;
    return this.end('run.failed', { error: describe(error), exit_code, signal }, ending);
  }

  /** Puts the rows gathered so far into the spool, as one event. */
  flushMetrics(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.buffer.isEmpty) return;
    const rows = this.buffer.take();
    this.attempted(() =>
      this.parts.recorder?.record('run.metrics-logged', { attempt: this.attempt, rows }, rows.length),
    );
  }

  private gather(): void {
    this.gatherUntil = Date.now() + GATHER_MS;
    this.timer = setTimeout(() => this.flushMetrics(), GATHER_MS).unref();
  }

  /** Rows logged before an event stand before it in the ledger. */
  private keep<Type extends EventType>(type: Type, payload: EventPayload<Type>): string | null {
    this.flushMetrics();
    return this.parts.recorder?.record(type, payload) ?? null;
  }

  private async end(
    type: 'run.finished' | 'run.failed',
    more: Partial<EventPayload<'run.failed'>>,
    given: object,
  ): Promise<Delivery> {
    const { recorder, drain_ms } = this.parts;
    if (this.isEnded || !recorder) return this.delivery();
    const deadline = Date.now() + drain_ms;
    await withLimit(Promise.all([...this.hashing.keys()]), drain_ms);
    for (const recordUnhashed of this.hashing.values()) recordUnhashed();
    this.isEnded = true;
    this.flushMetrics();
    this.attempted(() => {
      recorder.declareRefusals();
      const producers = [{ id: recorder.producer, count: recorder.count + 1 }];
      const ending = { attempt: this.attempt, ...more, ...blankEnding, producers };
      const allowed = Object.fromEntries(Object.entries(given).filter(([member]) => member in blankEnding));
      // An ending whose facts do not fit is better than a run that never ends.
      const full = fill(ending, allowed) as EventPayload<'run.failed'>;
      if (recorder.record(type, full) === null) recorder.record(type, ending as EventPayload<'run.failed'>);
    });
    forgetRun(this);
    await recorder.drain(Math.max(0, deadline - Date.now()));
    await withLimit(recorder.synced(), Math.max(100, deadline - Date.now()));
    this.heart?.stop();
    const delivery = this.delivery();
    if (delivery.complete) recorder.close();
    else this.parts.teller.once('spooled', `${delivery.spooled} events are still spooled in ${recorder.folder}`);
    return delivery;
  }

  private askToStop(): void {
    this.stopRequested = true;
    const text = "the training's loop is told by run.stopRequested";
    this.parts.teller.once('stop', `the server asks for an end of the training; ${text}`);
    this.guard(() => this.keep('run.annotated', { attempt: this.attempt, name: 'stop_requested', text, value: null }));
  }

  private delivery(): Delivery {
    const { recorder } = this.parts;
    const spooled = recorder?.spooled ?? 0;
    return { complete: spooled === 0, spooled, setAside: recorder?.setAside ?? 0, folder: recorder?.folder ?? null };
  }

  /** Hashes in the background where that is asked for, then records; without a digest where hashing fails. */
  private withContent(
    path: string | null,
    digest: string | null,
    { hash = false, onProgress }: HashOptions,
    record: (content: KnownContent) => void,
  ): void {
    if (!hash || path === null || digest !== null) return record({ digest });
    const recordUnhashed = () => this.attempted(() => record({ digest: null }));
    const job: Promise<void> = hashPath(path, onProgress ? { onProgress } : {}).then(
      (content) => {
        if (this.hashing.delete(job)) this.attempted(() => record(content));
      },
      (error: unknown) => {
        this.parts.teller.once(`hash ${path}`, `${path} is recorded without a digest: ${(error as Error).message}`);
        if (this.hashing.delete(job)) recordUnhashed();
      },
    );
    this.hashing.set(job, recordUnhashed);
  }

  private registerArtifact(kind: string, location: string | null, { digest, ...content }: KnownContent): void {
    if (digest === null) return;
    this.parts.recorder?.recordOwn({
      type: 'artifact.registered',
      stream: `artifact/${digest}`,
      payload: {
        form: null,
        size_bytes: null,
        files: null,
        ...content,
        kind,
        name: null,
        location,
        run: this.id,
        asserted: [],
      },
    });
  }

  /** The caller's mistakes and ours end here: recording never throws into the training. */
  private guard(work: () => void): void {
    if (this.isEnded) return this.parts.teller.once('ended', 'the run has ended: what is logged now is left out');
    if (this.parts.recorder) this.attempted(work);
  }

  private attempted(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.parts.teller.once('fault', `something could not be recorded: ${(error as Error).message}`);
    }
  }
}

type KnownContent = Partial<Omit<PathContent, 'digest'>> & { digest: string | null };

function describe(error: unknown): EventPayload<'run.failed'>['error'] {
  const { name, message } = error instanceof Error ? error : { name: null, message: String(error) };
  // The cut may halve a character, and a half is refused by every reader.
  const clean = (text: string | null, length: number) =>
    text?.replaceAll('\0', '').slice(0, length).toWellFormed() || null;
  return { type: clean(name, 250), message: clean(message, 4000) };
}

/** Resolves with the work or after the limit, whichever comes first; the work goes on. */
async function withLimit(work: Promise<unknown>, limit_ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, limit_ms)))]);
  clearTimeout(timer);
}
