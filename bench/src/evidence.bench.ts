import { RECORDS, startLargeStandalone } from './large-ledger.js';
import { median, type Bench } from './measure.js';

const REQUESTS = 200;
/** A prime: the places asked for are spread over the ledger and the same in every run of the benchmark. */
const STRIDE = 611_953;

export const evidenceBench: Bench = {
  name: 'evidence',
  unit: 'ms',
  control: null,
  target: '< 20 ms in the median over HTTP, one record among 1,000,000',
  isMet: (value) => value < 20,
  also: [
    {
      name: 'evidence-proof',
      unit: 'bytes',
      target: '< 2000 bytes, the signed head included',
      isMet: (value) => value < 2_000,
    },
  ],
  postgres: 18,
  prepare: async () => {
    const running = await startLargeStandalone();
    let asked = 0;
    return {
      ours: async () => {
        const waits_ms: number[] = [];
        let longest = 0;
        for (let request = 0; request < REQUESTS; request++) {
          const seq = (STRIDE * ++asked) % RECORDS;
          const before = performance.now();
          const evidence = await running.get(`/v1/records/${seq}/evidence`);
          waits_ms.push(performance.now() - before);
          const { proof } = JSON.parse(evidence) as { proof: string };
          longest = Math.max(longest, Buffer.byteLength(proof));
        }
        return [median(waits_ms), longest];
      },
      control: null,
      close: async () => void (await running.stop()),
    };
  },
};
