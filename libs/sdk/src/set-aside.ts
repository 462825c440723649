import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from './door.js';
import { makeFolder, refusedFolder, writeWhole } from './spool-layout.js';

/** An event that was given up, as `run.events-dropped` names it. */
export interface SetAside {
  id: string;
  type: string;
  producer: { id: string; seq: number } | null;
  code: string;
}

/**
 * Keeps an event that the server refuses for itself as `<spool>/refused/<event id>.json`: its exact text and the
 * problem, for a person to look at. Throws where the disk refuses.
 */
export function keepRefused(
  root: string,
  text: string,
  reason: { id: string; code: string; problem: Problem },
): string {
  const folder = refusedFolder(root);
  if (!existsSync(folder)) makeFolder(folder);
  const path = join(folder, `${reason.id}.json`);
  const head = JSON.stringify({ refused_at: new Date().toISOString(), code: reason.code, problem: reason.problem });
  writeWhole(path, `${head.slice(0, -1)},"event":${text}}\n`);
  return path;
}
