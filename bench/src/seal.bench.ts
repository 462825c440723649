import { sealBatch, sealParameters, type Anchor } from '@runseal/ledger';
import { openPool } from '@runseal/postgres';
import {
  asSuperuser,
  createLedgerDatabase,
  openBenchLedger,
  readSql,
  requestOf,
  timeAtOnce,
} from './ledger-database.js';
import type { Bench } from './measure.js';

const EVENTS = 500;
const BATCHES = 100;
const PAYLOAD_BYTES = 1_000;
const CONNECTIONS = 2;

export const sealBench: Bench = {
  name: 'seal',
  unit: 'events/s',
  control: 'the same rows without hashes and chain',
  target: '>= 0.85 of the control and >= 20000 events/s (500 events of 1 kB a batch, 2 connections)',
  isMet: (value, ratio) => value >= 20_000 && (ratio ?? 0) >= 0.85,
  postgres: 18,
  prepare: async () => {
    const database = await createLedgerDatabase();
    await asSuperuser(database.superuserUrl, await readSql('control.sql'));
    let anchor: Anchor = await openBenchLedger(database);
    const pool = openPool({ url: database.ingestUrl, applicationName: 'bench', connectionsMax: CONNECTIONS });
    const batches = () => Array.from({ length: BATCHES }, () => [requestOf(EVENTS, PAYLOAD_BYTES)]);
    return {
      ours: async () => {
        const jobs = batches().map((requests) => async () => {
          const [outcome] = await sealBatch(pool, 'default', anchor, { requests, sealedAt: new Date() });
          const last = outcome && 'receipts' in outcome ? outcome.receipts.at(-1) : undefined;
          if (!last) throw new Error('a batch was refused');
          if (last.seq > anchor.seq) anchor = last;
        });
        return (EVENTS * BATCHES) / (await timeAtOnce(CONNECTIONS, jobs));
      },
      control: async () => {
        const jobs = batches().map((requests) => async () => {
          const values = sealParameters('default', anchor, { requests, sealedAt: new Date() });
          const text = 'select control.store($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)';
          await pool.query({ name: 'store', text, values });
        });
        return (EVENTS * BATCHES) / (await timeAtOnce(CONNECTIONS, jobs));
      },
      close: async () => {
        await pool.end();
        await database.close();
      },
    };
  },
};
