import { RECORDS, largeLedger, startLargeStandalone } from './large-ledger.js';
import type { Bench } from './measure.js';

const PAGES = 50;
const PAGE_RECORDS = 1_000;
const PROOFS = 50;

export const standalone1mBench: Bench = {
  name: 'standalone-1m',
  unit: 'MB',
  control: null,
  target:
    '< 500 MB at its peak, Postgres apart, while it starts on 1,000,000 records and serves 50 pages and 50 proofs',
  isMet: (value) => value < 500,
  also: [
    {
      name: 'standalone-1m-start',
      unit: 's',
      target: '< 3 s from the start of the process until it is ready',
      isMet: (value) => value < 3,
    },
  ],
  postgres: 18,
  prepare: async () => {
    await largeLedger();
    return {
      ours: async () => {
        const running = await startLargeStandalone();
        for (let page = 0; page < PAGES; page++) {
          const after = page * Math.floor(RECORDS / PAGES);
          await running.get(`/v1/records?after=${after}&limit=${PAGE_RECORDS}`);
        }
        for (let proof = 0; proof < PROOFS; proof++) {
          await running.get(`/v1/records/${proof * Math.floor(RECORDS / PROOFS)}/evidence`);
        }
        const { peak_mb } = await running.stop();
        return [peak_mb, running.start_s];
      },
      control: null,
      close: () => Promise.resolve(),
    };
  },
};
