import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Problem } from './request.js';
import { forgetKey } from './session.js';

export function Loading({ what }: { what: string }) {
  return (
    <p className="loading" role="status">
      Loading {what} …
    </p>
  );
}

/** Nothing to show, and what would change that. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="notice">
      <p className="notice-title">{title}</p>
      {children}
    </div>
  );
}

/** What failed, in the server's words, and what to do about it. */
export function Failure({ error, retry, what }: { error: unknown; retry?: () => unknown; what: string }) {
  const problem = error instanceof Problem ? error : null;
  const isRefused = problem?.status === 403;
  return (
    <div className="notice notice-bad" role="alert">
      <p className="notice-title">
        {isRefused ? 'You may not see' : 'Could not load'} {what}.
      </p>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {problem?.isPassing && <p>It is asked for again by itself every few seconds.</p>}
      {problem?.requestId && (
        <p className="soft">
          For whoever looks into the log: request <code>{problem.requestId}</code>
        </p>
      )}
      <p>
        {isRefused ? (
          <button type="button" onClick={() => forgetKey()}>
            Sign in with another key
          </button>
        ) : (
          retry && (
            <button type="button" onClick={() => void retry()}>
              Try again now
            </button>
          )
        )}
      </p>
    </div>
  );
}

/**
 * Shows an answer in each of its states. One that was there before stays while its renewal fails, and it is said that it is
 * old: stale data beats none, silence about it does not.
 */
export function Answer<Data>({
  query,
  what,
  children,
}: {
  query: UseQueryResult<Data>;
  what: string;
  children: (data: Data) => ReactNode;
}) {
  const { data, error, refetch } = query;
  if (data === undefined) {
    return error ? <Failure error={error} retry={refetch} what={what} /> : <Loading what={what} />;
  }
  return (
    <>
      {error && (
        <p className="stale" role="alert">
          This may be out of date: {error.message}
        </p>
      )}
      {children(data)}
    </>
  );
}
