import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { waitFor } from '@runseal/testing';

export interface ProcessOptions {
  /** As in the compose file: `ingest-1`. */
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** The folder that the program's path starts from. */
  readonly workingFolder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Its output is added there. */
  readonly logPath: string;
}

const READY_LIMIT_MS = 60_000;
const LOG_SHOWN_CHARACTERS = 3_000;

/** One service as built, in a process of its own that can be ended and started again on the same port. */
export class ServiceProcess {
  private child: ChildProcess | null = null;
  private ended: Promise<void> = Promise.resolve();
  private startedAt_bytes = 0;

  constructor(private readonly options: ProcessOptions) {}

  get name(): string {
    return this.options.name;
  }

  get url(): string {
    return `http://127.0.0.1:${this.options.environment['PORT']}`;
  }

  get logPath(): string {
    return this.options.logPath;
  }

  /** Null where it does not run. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /** `onEnd` is told how it ended, unless `end` was called. */
  start(onEnd: (how: string) => void = () => undefined): void {
    const { command, workingFolder: cwd, environment: env, logPath } = this.options;
    const log = openSync(logPath, 'a', 0o600);
    this.startedAt_bytes = statSync(logPath).size;
    // A group of its own: Ctrl-C in a terminal reaches whoever started the services, who ends them in order.
    const child = spawn(process.execPath, command, { cwd, env, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    this.child = child;
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        if (this.child === child) {
          this.child = null;
          onEnd(how);
        }
        resolve();
      };
      child.once('error', (error) => end(error.message));
      child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  /** Ends it and waits until it is gone. One that is paused is woken first. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { child } = this;
    this.child = null;
    child?.kill(signal);
    child?.kill('SIGCONT');
    await this.ended;
  }

  /** Rejects, with its last words, where it is not ready in time or ends before. */
  async waitUntilReady(): Promise<void> {
    try {
      await waitFor(`${this.name} at ${this.url}`, () => this.isReady(), READY_LIMIT_MS);
    } catch (error) {
      const words = this.readLog().slice(-LOG_SHOWN_CHARACTERS);
      throw new Error(`${(error as Error).message}. Its last words, from ${this.logPath}:\n${words}`, { cause: error });
    }
  }

  /** What it said since it was last started. */
  readLog(): string {
    return readFileSync(this.logPath).subarray(this.startedAt_bytes).toString('utf8');
  }

  private async isReady(): Promise<boolean> {
    if (this.pid === null) throw new Error(`${this.name} ended before it was ready`);
    return fetch(`${this.url}/health/ready`).then(
      ({ ok }) => ok,
      () => false, // it does not listen yet
    );
  }
}
