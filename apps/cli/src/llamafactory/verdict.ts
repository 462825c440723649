import type { Address } from '../credentials.js';
import { Server, UnreachableError } from '../server.js';

const WAIT_MS = 10_000;
const ASKED_EVERY_MS = 100;

interface Verdicts {
  readonly items?: readonly { readonly position: number; readonly overall: string }[];
}

/**
 * The overall of the newest verdict that takes the run's end in; one that was sealed after the end may still be of what was known
 * before it. Null where the gates do not answer, know nothing of the run or have not judged it within 10 seconds: an import is
 * complete without.
 */
export async function findOverall(
  { url, apiKey }: Address,
  { run, endSeq }: { readonly run: string; readonly endSeq: number | null },
  interrupted: AbortSignal,
): Promise<string | null> {
  if (endSeq === null) return null;
  // Ends a request that waits, too.
  const limit = AbortSignal.any([interrupted, AbortSignal.timeout(WAIT_MS)]);
  const server = new Server(url, apiKey, limit);
  while (!limit.aborted) {
    try {
      const text = await server.findText(`/v1/runs/${run}/gates?min_position=${endSeq}`);
      if (text === null) return null;
      const newest = (JSON.parse(text) as Verdicts).items?.find(({ position }) => position >= endSeq);
      if (newest) return newest.overall;
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY_MS));
  }
  return null;
}
