import type { Status } from './answers.js';
import { Fact } from './fact.js';
import { formatCount, plural } from './formatting.js';
import { Hash, Time } from './hash.js';
import { useHead, useStatus, useWhoAmI } from './queries.js';
import { Problem } from './request.js';

/** The newest signed head and how far every reader is: what the page above it is true for. */
export function Footer() {
  const who = useWhoAmI();
  const head = useHead(who.data?.ledger);
  const status = useStatus();
  return (
    <footer className="bottom">
      <section aria-label="Newest signed head">
        <h2>Newest signed head</h2>
        {head.data ? (
          <dl>
            <Fact name="origin">
              <code>{head.data.origin}</code>
            </Fact>
            <Fact name="size">{plural(head.data.size, 'record')}</Fact>
            <Fact name="root">
              <Hash value={head.data.root} of="the root" />
            </Fact>
            <Fact name="first seen here">
              <Time time={head.data.seenAt} />
            </Fact>
          </dl>
        ) : (
          <p className="soft">{wordsForNoHead(head.error)}</p>
        )}
      </section>
      <section aria-label="Positions of the readers">
        <h2>Positions</h2>
        {status.data ? (
          <Positions status={status.data} />
        ) : (
          <p className="soft">{status.error?.message ?? 'Loading …'}</p>
        )}
      </section>
    </footer>
  );
}

function wordsForNoHead(error: Error | null): string {
  if (error instanceof Problem && error.status === 404) return 'None is published yet: the ledger is new.';
  return error?.message ?? 'Loading …';
}

function Positions({ status }: { status: Status }) {
  const { newest, readers, unreachable } = status;
  return (
    <dl>
      {newest && (
        <Fact name="newest record">
          <span className="seq">#{newest.seq}</span> <span className="soft">epoch {newest.epoch}</span>
        </Fact>
      )}
      {readers.map(({ name, position, lag_records, trouble }) => (
        <Fact key={name} name={name}>
          {position ? <span className="seq">#{position.seq}</span> : 'no record yet'}{' '}
          {trouble === null ? (
            <span className="soft">{lag_records ? `${formatCount(lag_records)} behind` : 'up to date'}</span>
          ) : (
            <strong className="bad">{trouble}</strong>
          )}
        </Fact>
      ))}
      {unreachable.map((name) => (
        <Fact key={name} name={name}>
          <strong className="bad">does not answer</strong>
        </Fact>
      ))}
    </dl>
  );
}
