import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRun } from '@runseal/sdk';
import { median, type Bench } from './measure.js';

const CALLS = 20_000;
/** A trainer's step takes longer; in between the SDK sends what it has. */
const PAUSE_EVERY = 100;

export const sdkLogMetricsBench: Bench = {
  name: 'sdk-log-metrics',
  unit: 'microseconds',
  control: 'an empty call',
  target: '< 20 microseconds in the median, 3 values a call, to a server that takes connections and never answers',
  isMet: (value) => value < 20,
  also: [
    {
      name: 'sdk-log-metrics-longest',
      unit: 'ms',
      target: '< 100 ms: no call of a run waits for the server',
      isMet: (value) => value < 100,
    },
  ],
  prepare: async () => {
    const spoolDir = await mkdtemp(join(tmpdir(), 'runseal-bench-'));
    const server = await startSilentServer();
    return {
      ours: async () => {
        const run = await startRun({
          url: server.url,
          apiKey: 'rsk_bench',
          spoolDir,
          experiment: 'bench',
          drain_s: 0,
          say: () => undefined,
        });
        const waits = await timeCalls((step) =>
          run.logMetrics({ loss: 2.1 / (1 + step), grad_norm: 1.8, learning_rate: 0.0002 }, { step }),
        );
        await run.finish();
        return [median(waits), Math.max(...waits) / 1_000];
      },
      control: async () => median(await timeCalls(() => undefined)),
      close: async () => {
        await server.close();
        await rm(spoolDir, { recursive: true, force: true });
      },
    };
  },
};

/** Microseconds of each call, the clock's own included. */
async function timeCalls(call: (step: number) => void): Promise<number[]> {
  const waits: number[] = [];
  for (let step = 0; step < CALLS; step++) {
    const before = process.hrtime.bigint();
    call(step);
    waits.push(Number(process.hrtime.bigint() - before) / 1_000);
    if (step % PAUSE_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return waits;
}

async function startSilentServer(): Promise<{ url: string; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
