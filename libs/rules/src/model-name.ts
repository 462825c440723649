import type { RunFacts } from './run-facts.js';

/**
 * The model that a run is meant for: run.started's target_model, else the slug of the experiment: letters, digits and . _ : -
 * stay as they are, any other run of characters becomes one `-`, and it ends after 200. Null before run.started.
 */
export function modelNameOf(_facts: RunFacts): string | null {
  return null;
}
