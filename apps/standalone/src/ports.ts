import { createServer, type AddressInfo } from 'node:net';

export const HOST = '127.0.0.1';
/** Metrics are served on the service's port + 100. */
const MANAGEMENT_OFFSET = 100;
const PORT_MAX = 65_535 - MANAGEMENT_OFFSET;

/** The metrics port of a service port; 0 (any free one) stays 0. Throws for what is no port. */
export function managementPort(port: number): number {
  if (!Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    throw new Error(`--port: found ${port}, wanted a whole number from 0 to ${PORT_MAX}.`);
  }
  return port === 0 ? 0 : port + MANAGEMENT_OFFSET;
}

/** Throws, saying by whom and what to do, where a port that is about to be used is taken. */
export async function checkPorts(port: number): Promise<void> {
  for (const wanted of new Set([port, managementPort(port)])) {
    if (wanted === 0 || (await tryListen(wanted)) !== null) continue;
    const holder = (await isRunseal(wanted)) ? 'another Runseal' : 'another program';
    const purpose = wanted === port ? '' : `, wanted for metrics,`;
    throw new Error(`Port ${wanted}${purpose} is in use by ${holder}. Stop it, or choose another port (--port).`);
  }
}

/** A port of this machine that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const port = await tryListen(0);
  if (port === null) throw new Error(`No port of ${HOST} is free.`);
  return port;
}

/** The port, if it could be listened on; null if it is taken. */
function tryListen(port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    probe.listen(port, HOST, () => {
      const found = (probe.address() as AddressInfo).port;
      probe.close(() => resolve(found));
    });
  });
}

const ANSWER_LIMIT_MS = 1_000;

/** Whether what listens there answers as we do, on the service's port or on the metrics port. */
async function isRunseal(port: number): Promise<boolean> {
  const get = async (path: string) => {
    const response = await fetch(`http://${HOST}:${port}${path}`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    return response.ok ? response.text() : '';
  };
  try {
    return (await get('/health/live')).includes('"status":"ok"') || (await get('/metrics')).includes('runseal_');
  } catch {
    return false; // whatever it is, it does not speak HTTP
  }
}
