import { createRootRoute, createRoute, createRouter, Link, redirect } from '@tanstack/react-router';
import { Empty } from './feedback.js';
import type { RunsSearch } from './queries.js';
import { RunPage } from './run-page.js';
import { RunsPage } from './runs-page.js';
import { Shell } from './shell.js';

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NoSuchPage });

const runsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  validateSearch: readSearch,
  component: RunsPage,
});

const runsAliasRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/runs',
  beforeLoad: () => {
    throw redirect({ to: '/', replace: true });
  },
});

const runRoute = createRoute({ getParentRoute: () => rootRoute, path: '/runs/$id', component: RunPage });

/** The page's addresses. The server answers each of them with the same page. */
export function makeRouter() {
  return createRouter({ routeTree: rootRoute.addChildren([runsRoute, runsAliasRoute, runRoute]) });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}

/** An address may have been typed by hand: what is no text is made one, what is empty is left out. */
function readSearch(search: Record<string, unknown>): RunsSearch {
  const names = ['q', 'state', 'experiment', 'sort', 'cursor'] as const;
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = search[name];
      return typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [];
    }),
  );
}

function NoSuchPage() {
  return (
    <Empty title="There is no such page.">
      <Link to="/">Go to the list of runs.</Link>
    </Empty>
  );
}
