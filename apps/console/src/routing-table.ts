/** The services that stand behind one address. */
export const SERVICES = ['ingest', 'lineage', 'gates', 'registry'] as const;
export type Service = (typeof SERVICES)[number];

/**
 * Who answers a path: the first line that fits. `*` stands for one step of the path, `/**` at the end for the path itself and
 * everything below it.
 */
export const ROUTING_TABLE: readonly (readonly [pattern: string, service: Service])[] = [
  ['/v1/events', 'ingest'],
  ['/v1/records/**', 'ingest'],
  ['/v1/log/**', 'ingest'],
  ['/v1/keys/**', 'ingest'],
  ['/v1/ledger/**', 'ingest'],
  ['/v1/whoami', 'ingest'],
  ['/sdk/**', 'ingest'],
  ['/v1/runs/*/gates/**', 'gates'],
  ['/v1/runs/*/overrides', 'gates'],
  ['/v1/runs/*/warnings/**', 'gates'],
  ['/v1/runs/*/heartbeat', 'gates'],
  ['/v1/policies/**', 'gates'],
  ['/v1/baselines/**', 'gates'],
  ['/v1/alerts/**', 'gates'],
  ['/v1/models/**', 'registry'],
  ['/v1/retention', 'registry'],
  ['/v1/holds/**', 'registry'],
  ['/v1/runs/**', 'lineage'],
  ['/v1/experiments/**', 'lineage'],
  ['/v1/artifacts/**', 'lineage'],
];

const compiled = ROUTING_TABLE.map(([pattern, service]) => ({ expression: compile(pattern), service }));

/** The service that answers a path, without its query, as it was sent; null where none does. */
export function serviceFor(path: string): Service | null {
  return compiled.find(({ expression }) => expression.test(path))?.service ?? null;
}

function compile(pattern: string): RegExp {
  const isOpen = pattern.endsWith('/**');
  const steps = (isOpen ? pattern.slice(0, -3) : pattern).replaceAll('.', '\\.').replaceAll('*', '[^/]+');
  return new RegExp(`^${steps}${isOpen ? '(/.*)?' : ''}$`);
}
