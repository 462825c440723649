import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A volume or a folder of this repository, as a service sees it. */
export interface Mount {
  /** Name of a volume, or a path that begins with `./`. */
  readonly source: string;
  readonly target: string;
  readonly isReadOnly: boolean;
}

export interface ComposeService {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly ports: readonly string[];
}

/** What stands for `${NAME:-default}`. */
export type Variables = Readonly<Record<string, string | undefined>>;

interface RawService {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}

/**
 * The services of a compose file by name, anchors and merges resolved and variables filled in. Reads what our own file uses: lists
 * as commands, maps as environments, short volumes and ports. Throws, with the name, where a variable has neither value nor default.
 */
export function readCompose(path: string, variables: Variables): Map<string, ComposeService> {
  const file = parse(readFileSync(path, 'utf8'), { merge: true }) as { services: Record<string, RawService> };
  const services = fill(file.services, variables) as Record<string, RawService>;
  return new Map(Object.entries(services).map(([name, raw]) => [name, toService(name, raw)]));
}

function toService(name: string, raw: RawService): ComposeService {
  const environment = Object.entries(raw.environment ?? {}).map(([key, value]) => {
    if (typeof value === 'string') return [key, value] as const;
    throw new Error(`${name}: found ${key} with ${JSON.stringify(value)}, wanted a text in quotes.`);
  });
  return {
    name,
    image: raw.image ?? '',
    command: raw.command ?? [],
    environment: Object.fromEntries(environment),
    mounts: (raw.volumes ?? []).map(toMount),
    ports: raw.ports ?? [],
  };
}

function toMount(text: string): Mount {
  const [source = '', target = '', mode] = text.split(':');
  return { source, target, isReadOnly: mode === 'ro' };
}

function fill(value: unknown, variables: Variables): unknown {
  if (typeof value === 'string') return fillText(value, variables);
  if (Array.isArray(value)) return value.map((item) => fill(item, variables));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fill(member, variables)]));
}

/** `${NAME:-default}` takes the default for an empty value too, as compose does; `$$` is a dollar sign. */
function fillText(text: string, variables: Variables): string {
  return text.replace(/\$(?:(\$)|\{(\w+)(?::-([^}]*))?\})/g, (found, dollar, name, fallback) => {
    if (dollar) return '$';
    const value = variables[name] || fallback;
    if (value === undefined) throw new Error(`${found} has no value: set ${name}.`);
    return value;
  });
}
