import { useQueryClient } from '@tanstack/react-query';
import { useState, type SubmitEvent } from 'react';
import { readWhoAmI } from './read-answers.js';
import { getJson } from './request.js';
import { keepKey, readReason } from './session.js';

/** Takes an API key, asks the server whose it is, and keeps it for this tab. */
export function SignIn() {
  const queries = useQueryClient();
  const [fault, setFault] = useState<string | null>(readReason);
  const [isAsking, setAsking] = useState(false);
  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget).get('key') ?? '').trim();
    setAsking(true);
    try {
      queries.setQueryData(['whoami'], readWhoAmI(await getJson('/v1/whoami', key)));
      keepKey(key);
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
      setAsking(false);
    }
  };
  return (
    <form className="sign-in" onSubmit={(event) => void submit(event)}>
      <h1>Sign in</h1>
      <p>
        Paste an API key with the scope <code>read</code>. It stays in this tab and is gone when you close it.
      </p>
      <label htmlFor="key">API key</label>
      <input
        id="key"
        name="key"
        type="password"
        required
        autoFocus
        autoComplete="off"
        spellCheck={false}
        placeholder="rsk_…"
        pattern="\s*rsk_[A-Za-z0-9_\-]+\s*"
        title="a key like rsk_<key id>_<secret>"
        aria-describedby={fault === null ? 'key-help' : 'key-fault key-help'}
      />
      {fault !== null && (
        <p id="key-fault" className="fault" role="alert">
          {fault}
        </p>
      )}
      <button type="submit" className="primary" disabled={isAsking}>
        {isAsking ? 'Asking …' : 'Sign in'}
      </button>
      <p id="key-help" className="soft">
        On your own machine the key is <code>api_key</code> in <code>.runseal/credentials.json</code>. Elsewhere an
        admin makes one: <code>runseal keys create --principal you --kind person --scopes read</code>
      </p>
    </form>
  );
}
