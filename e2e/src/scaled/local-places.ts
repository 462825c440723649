import { join } from 'node:path';
import type { ComposeService } from './compose-file.js';

/** Where on this machine the things are that a compose file names by container. */
export interface LocalPlaces {
  /** `host:port` by `host:port` of the compose file. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Holds a folder for each volume. */
  readonly folder: string;
}

const HOST = '127.0.0.1';

/** A service's environment as its process needs it here: addresses, folders of volumes and the host to listen on replaced. */
export function localEnvironment(service: ComposeService, places: LocalPlaces): Record<string, string> {
  const { environment } = service;
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      name === 'HOST' ? HOST : replacePaths(replaceAddresses(value, places), service, places),
    ]),
  );
}

function replaceAddresses(value: string, { addresses }: LocalPlaces): string {
  return value.replace(/[a-z][a-z0-9-]*:\d+/g, (found) => addresses.get(found) ?? found);
}

function replacePaths(value: string, { mounts }: ComposeService, { folder }: LocalPlaces): string {
  const mount = mounts.find(({ target }) => value === target || value.startsWith(`${target}/`));
  return mount ? join(folder, mount.source, value.slice(mount.target.length)) : value;
}
