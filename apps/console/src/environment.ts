import { choice, integer, LOG_LEVELS, readEnvironment, string } from '@runseal/runtime';

const ADDRESSES = /^https?:\/\/[^\s,/]+\/?(,https?:\/\/[^\s,/]+\/?)*$/;
const addresses = (service: string, port: number) =>
  string({
    help: `where ${service} listens; several take turns`,
    pattern: ADDRESSES,
    wanted: 'http:// or https:// addresses without a path, separated by commas',
    default: `http://127.0.0.1:${port}`,
  });

export const consoleVariables = {
  HOST: string({ help: 'address to listen on', default: '127.0.0.1' }),
  PORT: integer({ help: 'port of the page and of everything behind it', min: 0, max: 65_535, default: 7456 }),
  MANAGEMENT_PORT: integer({ help: 'port of the Prometheus metrics', min: 0, max: 65_535, default: 7556 }),
  INGEST_URL: addresses('ingest', 7451),
  LINEAGE_URL: addresses('lineage', 7452),
  GATES_URL: addresses('gates', 7453),
  REGISTRY_URL: addresses('registry', 7454),
  LOG_LEVEL: choice({ help: 'least severe log line that is written', of: LOG_LEVELS, default: 'info' }),
} as const;

/** The settings of this process, all faults named at once. The only reader of process.env. */
export function readConsoleEnvironment() {
  return readEnvironment(process.env, consoleVariables);
}
