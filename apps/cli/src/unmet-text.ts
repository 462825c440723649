import type { Unmet } from '@runseal/registry';
import { ProblemError } from './server.js';
import { CliError, NO } from './surroundings.js';
import { plain, wrap } from './text-table.js';

/** Requirements that are not met, each with the command that would meet it. */
export function unmetText(unmet: readonly Unmet[]): string {
  return unmet
    .map(({ requirement, found, wanted, command }) =>
      [
        wrap(`${requirement.replaceAll('_', ' ')}: found ${found}; wanted ${wanted}`, '  '),
        ...(command === null ? [] : [`    ${plain(command)}`]),
      ].join('\n'),
    )
    .join('\n');
}

/** Turns a refusal that lists requirements into one that a person reads; rethrows anything else. */
export function tellUnmet(error: unknown): never {
  const unmet = error instanceof ProblemError ? (error.problem['unmet'] as readonly Unmet[] | undefined) : undefined;
  if (!unmet) throw error;
  // A refused transition is sealed; a decision that is not taken leaves no record.
  const isKept = (error as ProblemError).code === 'transition_refused';
  const said = isKept ? 'Refused, and the refusal is in the ledger.' : 'Refused.';
  throw new CliError(`${said}\n${unmetText(unmet)}`, NO, { cause: error });
}
