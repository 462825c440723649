import { startIngestServer } from './http-load.js';
import type { Bench } from './measure.js';

const LOAD = { connections: 16, events: 50, seconds: 4 };

export const httpIngest50Bench: Bench = {
  name: 'http-ingest-50',
  unit: 'events/s',
  control: 'the same server answering without sealing',
  target: '>= 12000 events/s (16 connections, 50 events of about 560 bytes a request)',
  isMet: (value) => value >= 12_000,
  postgres: 18,
  prepare: async () => {
    const server = await startIngestServer();
    return {
      ours: () => server.flood('group commit', LOAD),
      control: () => server.flood('no sealing', LOAD),
      close: () => server.close(),
    };
  },
};
