import { UnreachableError, type Server } from '../server.js';

const WAIT_MS = 15_000;
const ASKED_EVERY_MS = 200;

interface Verdicts {
  readonly items?: readonly { readonly seq: number; readonly overall: string }[];
}

/**
 * The newest verdict's overall, once one follows the run's end; null where the gates do not answer, know nothing of the run or
 * have not judged it within 15 seconds: an import is complete without.
 */
export async function findOverall(server: Server, run: string, endSeq: number | null): Promise<string | null> {
  if (endSeq === null) return null;
  const deadline = Date.now() + WAIT_MS;
  const path = `/v1/runs/${run}/gates?min_position=${endSeq}`;
  for (;;) {
    try {
      const text = await server.findText(path);
      if (text === null) return null;
      const newest = (JSON.parse(text) as Verdicts).items?.find(({ seq }) => seq > endSeq);
      if (newest) return newest.overall;
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
    }
    if (Date.now() > deadline) return null;
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY_MS));
  }
}
