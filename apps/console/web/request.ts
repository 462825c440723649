import { members, textOf } from './read-answers.js';
import { forgetKey, readKey } from './session.js';

/** An answer that is no success, in the words of the service where it gave some. Status 0: there was no answer. */
export class Problem extends Error {
  override readonly name = 'Problem';
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly requestId: string | null = null,
  ) {
    super(detail);
  }

  /** Whether the same request may succeed a moment later. */
  get isPassing(): boolean {
    return this.status === 0 || [429, 502, 503, 504].includes(this.status);
  }
}

/** GET with the key of this tab. Throws a `Problem`; a key that is refused is forgotten, which shows the sign-in. */
export async function get(path: string, key: string | null = readKey()): Promise<Response> {
  const answer = await ask(path, key);
  if (answer.ok) return answer;
  const problem = await readProblem(answer);
  if (problem.status === 401 && key !== null && key === readKey()) forgetKey(problem.message);
  throw problem;
}

export const getJson = async (path: string, key?: string): Promise<unknown> => (await get(path, key)).json();

async function ask(path: string, key: string | null): Promise<Response> {
  try {
    return await fetch(path, { headers: key === null ? {} : { authorization: `Bearer ${key}` }, cache: 'no-store' });
  } catch (cause) {
    const problem = new Problem(0, 'unreachable', 'The server does not answer. Is it still running?');
    problem.cause = cause;
    throw problem;
  }
}

async function readProblem(answer: Response): Promise<Problem> {
  const body = members(await answer.json().catch(() => null));
  const detail = textOf(body['detail']) ?? `The server answered ${answer.status} ${answer.statusText}.`;
  return new Problem(answer.status, textOf(body['code']) ?? 'unknown', detail, textOf(body['request_id']));
}
