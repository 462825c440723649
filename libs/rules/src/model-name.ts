import type { RunFacts } from './run-facts.js';

const LENGTH_MAX = 200;

/**
 * The model that a run is meant for: run.started's target_model, else the slug of the experiment: letters, digits and . _ : -
 * stay as they are, any other run of characters becomes one `-`, and it ends after 200. Null before run.started.
 */
export function modelNameOf({ started }: Pick<RunFacts, 'started'>): string | null {
  if (!started) return null;
  return started.target_model?.value ?? slugOf(started.experiment.value);
}

/** What of a text a stream's id takes: never empty where the text is not. */
export const slugOf = (text: string): string => text.replace(/[^A-Za-z0-9._:-]+/g, '-').slice(0, LENGTH_MAX);
