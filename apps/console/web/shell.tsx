import { Link, Outlet } from '@tanstack/react-router';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Footer } from './footer.js';
import { useWhoAmI } from './queries.js';
import { forgetKey, useKey } from './session.js';
import { SignIn } from './sign-in.js';

/** What is on every page: who is signed in, and at the bottom what the ledger has signed. */
export function Shell() {
  const key = useKey();
  const queries = useQueryClient();
  // What one key may see is not shown to the next.
  useEffect(() => {
    if (key === null) queries.clear();
  }, [key, queries]);
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="top">
        <Link to="/" className="brand">
          <Seal /> Runseal
        </Link>
        <nav aria-label="Pages">
          <Link to="/" activeProps={{ 'aria-current': 'page' }} activeOptions={{ includeSearch: false }}>
            Runs
          </Link>
        </nav>
        {key !== null && <Who />}
      </header>
      <main id="main" tabIndex={-1}>
        {key === null ? <SignIn /> : <Outlet />}
      </main>
      {key !== null && <Footer />}
    </>
  );
}

function Who() {
  const { data } = useWhoAmI();
  return (
    <p className="who">
      {data && (
        <span title={`${data.kind} ${data.principal}, may: ${data.scopes.join(', ')}`}>
          {data.name ?? data.principal} <span className="soft">on ledger {data.ledger}</span>
        </span>
      )}
      <button type="button" onClick={() => forgetKey()}>
        Sign out
      </button>
    </p>
  );
}

function Seal() {
  return (
    <svg className="seal" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="15" />
      <path d="M9 17l5 5 9-11" />
    </svg>
  );
}
