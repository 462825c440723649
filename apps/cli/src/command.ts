import type { Command } from 'commander';
import type { ExitCode, Surroundings } from './surroundings.js';

/** Adds a command's options and what it does to the (named) command. */
export type Declare = (command: Command, run: Run) => void;

/** Gives commander an action; what the work returns or throws becomes the exit code. */
export type Run = <Arguments extends unknown[]>(
  work: (surroundings: Surroundings, ...given: Arguments) => Promise<ExitCode>,
) => (...given: Arguments) => Promise<void>;
