import { findAddress } from './credentials.js';
import { Server } from './server.js';
import type { GlobalOptions, Surroundings } from './surroundings.js';

/** The server that the options, the environment or the nearest credentials name. */
export async function openServer(options: GlobalOptions, surroundings: Surroundings): Promise<Server> {
  const { url, apiKey } = await findAddress(options, surroundings);
  return new Server(url, apiKey, surroundings.interrupted);
}
