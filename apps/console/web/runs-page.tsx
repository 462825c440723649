import { getRouteApi, Link } from '@tanstack/react-router';
import type { Page, Progress, RunItem } from './answers.js';
import { StateBadge, VerdictBadge } from './badges.js';
import { Answer, Empty } from './feedback.js';
import { formatCount, formatDuration, formatMetric, NONE, plural } from './formatting.js';
import { Time } from './hash.js';
import { useRuns, type RunsSearch } from './queries.js';
import { RunsFilter } from './runs-filter.js';
import { Scroll } from './scroll.js';
import { useTitle } from './title.js';

const route = getRouteApi('/');

export function RunsPage() {
  const search = route.useSearch();
  useTitle('Runs');
  return (
    <>
      <h1>Runs</h1>
      <RunsFilter search={search} />
      <Answer query={useRuns(search)} what="the runs">
        {(page) => (page.items.length === 0 ? <NoRuns search={search} /> : <RunsTable page={page} search={search} />)}
      </Answer>
    </>
  );
}

function NoRuns({ search }: { search: RunsSearch }) {
  const isFiltered = [search.q, search.state, search.experiment, search.cursor].some(Boolean);
  if (isFiltered) {
    return (
      <Empty title="No run fits.">
        <Link to="/">Show all runs.</Link>
      </Empty>
    );
  }
  return (
    <Empty title="There is no run yet.">
      <p>
        Read in a finished LLaMA-Factory folder with <code>runseal import llamafactory FOLDER</code>, or record a run
        from the start with one of the clients. It shows here by itself.
      </p>
    </Empty>
  );
}

function RunsTable({ page, search }: { page: Page<RunItem>; search: RunsSearch }) {
  return (
    <>
      <Scroll label="Table of runs">
        <table className="runs">
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">State</th>
              <th scope="col">Verdict</th>
              <th scope="col">Experiment</th>
              <th scope="col">Progress (steps)</th>
              <th scope="col" className="number">
                Final loss <span className="unit">nats</span>
              </th>
              <th scope="col" className="number">
                Eval loss <span className="unit">nats</span>
              </th>
              <th scope="col">Started</th>
              <th scope="col" className="number">
                Took
              </th>
            </tr>
          </thead>
          <tbody>
            {page.items.map((run) => (
              <RunRow key={run.id} run={run} />
            ))}
          </tbody>
        </table>
      </Scroll>
      <nav className="paging" aria-label="Pages of runs">
        <span className="soft">{plural(page.items.length, 'run')} on this page</span>
        {search.cursor && (
          <Link to="/" search={({ cursor: _cursor, ...rest }) => rest}>
            First page
          </Link>
        )}
        {page.nextCursor !== null && (
          <Link to="/" search={{ ...search, cursor: page.nextCursor }}>
            Next page
          </Link>
        )}
      </nav>
    </>
  );
}

function RunRow({ run }: { run: RunItem }) {
  return (
    <tr>
      <th scope="row">
        <Link to="/runs/$id" params={{ id: run.id }}>
          {run.name ?? run.id}
        </Link>
        {run.name !== null && <code className="under">{run.id}</code>}
        {run.faults > 0 && <span className="under bad">{plural(run.faults, 'fault')}</span>}
      </th>
      <td>
        <StateBadge state={run.state} />
      </td>
      <td>
        <VerdictBadge verdict={run.overall} />
      </td>
      <td className="experiment">{run.experiment ?? <span className="soft">not told</span>}</td>
      <td>
        <ProgressOf progress={run.progress} />
      </td>
      <td className="number">{formatMetric(run.finalLoss)}</td>
      <td className="number">{formatMetric(run.evalLoss)}</td>
      <td>
        <Time time={run.startedAt} isShort />
      </td>
      <td className="number">{formatDuration(run.duration_s)}</td>
    </tr>
  );
}

export function ProgressOf({ progress: { step, total } }: { progress: Progress }) {
  if (step === null) return <span className="soft">{NONE}</span>;
  if (total === null) return <>{formatCount(step)}</>;
  return (
    <span className="progress">
      <progress value={step} max={Math.max(total, 1)} aria-label={`${step} of ${total} steps`} />
      {formatCount(step)} of {formatCount(total)}
    </span>
  );
}
