import { CliError, NO, UNDETERMINED, type ExitCode } from './surroundings.js';

const TRIES = 3;
const ANSWER_LIMIT_MS = 60_000;

/** Thrown where no answer came, or one that does not answer the question now: nothing is known. */
export class UnreachableError extends CliError {
  constructor(
    message: string,
    /** Of a problem answer that may be another one later; null where there was no answer. */
    readonly code: string | null,
    options?: ErrorOptions,
  ) {
    super(message, UNDETERMINED, options);
  }
}

/** Thrown for a problem answer: the server has understood and says no. */
export class ProblemError extends CliError {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** The whole answer. */
    readonly problem: Readonly<Record<string, unknown>> = {},
  ) {
    super(message, exitCodeOf(status, code));
  }
}

/** The HTTP interface of a Runseal server. The key goes to this address only: redirects are refused. */
export class Server {
  constructor(
    readonly url: string,
    private readonly apiKey: string | null,
    private readonly interrupted?: AbortSignal,
  ) {}

  async getJson<T>(path: string): Promise<T> {
    const text = await this.getText(path);
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new CliError(`${this.url} answered with what is no JSON. Is it a Runseal server?`, UNDETERMINED, { cause });
    }
  }

  async getText(path: string, accept?: string): Promise<string> {
    return (await this.getBytes(path, accept)).toString('utf8');
  }

  /** Null for 404. */
  async findText(path: string): Promise<string | null> {
    try {
      return await this.getText(path);
    } catch (error) {
      if (error instanceof ProblemError && error.status === 404) return null;
      throw error;
    }
  }

  /** Asks again, twice at most, where the answer may be another one next time. */
  async getBytes(path: string, accept?: string): Promise<Buffer> {
    const headers = accept === undefined ? {} : { accept };
    for (let tried = 1; ; tried++) {
      try {
        return await this.ask(path, { method: 'GET', headers });
      } catch (error) {
        const mayChange = error instanceof UnreachableError && error.code !== 'not_signed_yet';
        if (tried === TRIES || !mayChange || this.interrupted?.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200 * 2 ** tried));
      }
    }
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    const answer = await this.ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
    return JSON.parse(answer.toString('utf8')) as T;
  }

  async delete(path: string): Promise<void> {
    await this.ask(path, { method: 'DELETE' });
  }

  private async ask(path: string, request: RequestInit): Promise<Buffer> {
    const authorization = this.apiKey === null ? {} : { authorization: `Bearer ${this.apiKey}` };
    const limits = [AbortSignal.timeout(ANSWER_LIMIT_MS), ...(this.interrupted ? [this.interrupted] : [])];
    let status: number;
    let body: Buffer;
    try {
      const response = await fetch(this.url + path, {
        ...request,
        redirect: 'error',
        headers: { ...(request.headers as Record<string, string>), ...authorization },
        signal: AbortSignal.any(limits),
      });
      status = response.status;
      body = Buffer.from(await response.arrayBuffer());
    } catch (cause) {
      const what = `${this.url} gave no answer (${reasonOf(cause)}). Check the address and that the server runs.`;
      throw new UnreachableError(what, null, { cause });
    }
    if (status >= 200 && status < 300) return body;
    const { code, detail, problem } = parseProblem(body.toString('utf8'));
    // What our own services refuse they explain; anything else may come from a proxy, and its place tells more.
    if (code !== null && status < 500 && status !== 401 && status !== 429) {
      throw new ProblemError(status, code, detail, problem);
    }
    const message = `${this.url}${path.replace(/\?.*/, '')} answered ${status}: ${detail}`;
    if (status === 401) throw new CliError(`${message} Give a key with --key or RUNSEAL_API_KEY.`);
    if (status === 429 || status >= 500) throw new UnreachableError(message, code);
    throw new ProblemError(status, code ?? 'unknown', message, problem);
  }
}

/** A question that was put wrongly is not answered by no. */
function exitCodeOf(status: number, code: string): ExitCode {
  if (code === 'invalid_request') return UNDETERMINED;
  return status >= 400 && status < 500 ? NO : UNDETERMINED;
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: unknown; message?: unknown } };
  return String(cause?.code ?? cause?.message ?? message);
}

interface Problem {
  /** Null: the answer is no problem of ours. */
  readonly code: string | null;
  readonly detail: string;
  readonly problem: Record<string, unknown>;
}

function parseProblem(text: string): Problem {
  try {
    const problem = JSON.parse(text) as Record<string, unknown>;
    const { code, detail, title } = problem;
    return { code: typeof code === 'string' ? code : null, detail: String(detail ?? title), problem };
  } catch {
    return { code: null, detail: text.slice(0, 200) || 'no explanation', problem: {} };
  }
}
