import { readFileSync } from 'node:fs';
import { ROUTING_TABLE, serviceFor, SERVICES } from './routing-table.js';

describe('the routing table', () => {
  test.each([
    ['/v1/events', 'ingest'],
    ['/v1/records', 'ingest'],
    ['/v1/records/7/evidence', 'ingest'],
    ['/v1/log/default/tile/0/x001/x234/067', 'ingest'],
    ['/v1/keys/abc', 'ingest'],
    ['/v1/ledger/epochs', 'ingest'],
    ['/v1/whoami', 'ingest'],
    ['/sdk/runseal-0.1.0-py3-none-any.whl', 'ingest'],
    ['/v1/runs', 'lineage'],
    ['/v1/runs/0192', 'lineage'],
    ['/v1/runs/compare', 'lineage'],
    ['/v1/runs/0192/metrics', 'lineage'],
    ['/v1/runs/0192/live', 'lineage'],
    ['/v1/experiments', 'lineage'],
    ['/v1/artifacts/sha256:00/ancestry', 'lineage'],
    ['/v1/runs/0192/gates', 'gates'],
    ['/v1/runs/0192/gates/evaluate', 'gates'],
    ['/v1/runs/0192/overrides', 'gates'],
    ['/v1/runs/0192/warnings/accept', 'gates'],
    ['/v1/runs/0192/heartbeat', 'gates'],
    ['/v1/policies/default', 'gates'],
    ['/v1/baselines', 'gates'],
    ['/v1/alerts/1/acknowledge', 'gates'],
    ['/v1/models/m/versions/1/transitions', 'registry'],
    ['/v1/retention', 'registry'],
    ['/v1/holds', 'registry'],
  ])('sends %s to %s', (path, service) => expect(serviceFor(path)).toBe(service));

  test.each([
    '/',
    '/v1',
    '/v1/eventsx',
    '/v1/recordsx',
    '/v1/events/1',
    '/v2/runs',
    '/health/live',
    '/mlflow/api',
    '/v1/status',
  ])('sends %s to nobody', (path) => expect(serviceFor(path)).toBeNull());

  test('names no service that does not exist, and each at least once', () => {
    expect(new Set(ROUTING_TABLE.map(([, service]) => service))).toEqual(new Set(SERVICES));
  });

  test('is the one in the documents', () => {
    const text = readFileSync(new URL('../../../docs/console.md', import.meta.url), 'utf8');
    const lines = [...text.matchAll(/^\| `(\/\S+)`\s+\| (\w+)\s+\|$/gm)].map(([, pattern, service]) => [
      pattern,
      service,
    ]);
    expect(lines).toEqual(ROUTING_TABLE);
  });
});
