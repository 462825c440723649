import type { Environment } from './environment.js';

/** A stream that takes text, with what tells a terminal. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** Everything outside that a command touches beside files and servers. */
export interface Surroundings {
  readonly out: Output;
  readonly err: Output;
  readonly folder: string;
  readonly environment: Environment;
  /** Aborted at Ctrl-C and SIGTERM: a command that follows or serves ends then. */
  readonly interrupted: AbortSignal;
}

/** The options that every command has. */
export interface GlobalOptions {
  readonly url?: string;
  readonly key?: string;
  readonly json?: boolean;
}

export const YES = 0;
export const NO = 1;
export const UNDETERMINED = 2;
export type ExitCode = typeof YES | typeof NO | typeof UNDETERMINED;

/** An end that is told to the person without a stack trace; the message says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    message: string,
    readonly exitCode: ExitCode = UNDETERMINED,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export function printLine(output: Output, line: string): void {
  output.write(`${line}\n`);
}

export function printJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value)}\n`);
}

/** A whole number with thousands apart, for people. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}
