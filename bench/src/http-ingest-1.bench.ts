import { startIngestServer } from './http-load.js';
import type { Bench } from './measure.js';

const LOAD = { connections: 64, events: 1, seconds: 4 };
const EVENTS_PER_S = 3_000;

export const httpIngest1Bench: Bench = {
  name: 'http-ingest-1',
  unit: 'events/s',
  control: 'one transaction per event',
  target: '>= 3000 events/s (64 connections, 1 event of about 560 bytes a request)',
  isMet: (value) => value >= EVENTS_PER_S,
  also: [
    {
      name: 'http-ingest-1-p99',
      unit: 'ms',
      target: '< 50 ms at 1500 requests/s',
      isMet: (value) => value < 50,
    },
  ],
  postgres: 18,
  prepare: async () => {
    const server = await startIngestServer();
    return {
      ours: async () => [await server.flood('group commit', LOAD), await server.findP99(EVENTS_PER_S / 2, LOAD)],
      control: () => server.flood('one transaction per event', LOAD),
      close: () => server.close(),
    };
  },
};
