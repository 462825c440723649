import type { PositionSeen, StatusAnswer } from '@runseal/runtime';
import { serviceFor, type Service } from './routing-table.js';

/** What the services say of one ledger, as one answer: the newest record that any of them has seen, and every reader. */
export function mergeStatus(statuses: readonly StatusAnswer[]): StatusAnswer {
  const newest = statuses.map((status) => status.newest).reduce(newerOf, null);
  // Two addresses may lead to one process, as where one process runs all services.
  const readers = new Map(statuses.flatMap((status) => status.readers.map((reader) => [reader.name, reader])));
  return { ledger: statuses[0]?.ledger ?? '', newest, readers: [...readers.values()] };
}

function newerOf(one: PositionSeen | null, other: PositionSeen | null): PositionSeen | null {
  if (!one || !other) return one ?? other;
  return one.epoch - other.epoch || one.seq - other.seq ? one : other;
}

/** The members of an OpenAPI document that differ between services. */
export interface OpenApiPaths {
  readonly paths: Readonly<Record<string, unknown>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

/**
 * One OpenAPI document of several: of each service the paths that the routing table sends to it, and all of the first one's,
 * which stand for what every service answers. Schemas are named `<service>.<name>`, since two services may use one name.
 */
export function mergeDocuments(documents: readonly (readonly [Service, OpenApiPaths])[]): OpenApiPaths {
  const named = documents.map(([service, document]) => ({ service, document: nameSchemas(service, document) }));
  const [first] = named;
  const own = named.flatMap(({ service, document }) =>
    Object.entries(document.paths).filter(([path]) => serviceFor(path) === service),
  );
  const schemas = Object.assign({}, ...named.map(({ document }) => document.components?.schemas));
  return {
    ...first?.document,
    info: { title: 'runseal', version: (first?.document as { info?: { version?: string } }).info?.version ?? '' },
    paths: { ...first?.document.paths, ...Object.fromEntries(own) },
    components: { ...first?.document.components, schemas },
  } as OpenApiPaths;
}

function nameSchemas(service: Service, document: OpenApiPaths): OpenApiPaths {
  const prefix = '"#/components/schemas/';
  const renamed = JSON.parse(JSON.stringify(document).replaceAll(prefix, `${prefix}${service}.`)) as OpenApiPaths;
  const schemas = Object.entries(renamed.components?.schemas ?? {}).map(([name, one]) => [`${service}.${name}`, one]);
  return { ...renamed, components: { ...renamed.components, schemas: Object.fromEntries(schemas) } };
}
