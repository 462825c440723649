import { open } from 'node:fs/promises';
import { RECORDS, exportOfLargeLedger, largeLedger } from './large-ledger.js';
import type { Bench } from './measure.js';
import { cli, runNode, script } from './processes.js';

const MEMORY_MAX_MB = 300;
const HASHED_RECORDS = 300_000;

/** `runseal verify --export` as a process of its own, its start and its first quick pass over the file included. */
export const verifyBenches: readonly Bench[] = [verifyBench(1, 100_000), verifyBench(2, 180_000)];

function verifyBench(cores: 1 | 2, atLeast: number): Bench {
  const name = cores === 1 ? 'verify-1-core' : 'verify-2-cores';
  return {
    name,
    unit: 'records/s',
    control: 'the same three hashes a record alone',
    target: `>= ${atLeast} records/s (1,000,000 records with payloads of about 560 bytes, from an export)`,
    isMet: (value) => value >= atLeast,
    also: [
      {
        name: `${name}-memory`,
        unit: 'MB',
        target: `< ${MEMORY_MAX_MB} MB`,
        isMet: (value) => value < MEMORY_MAX_MB,
      },
    ],
    prepare: async () => {
      const file = await exportOfLargeLedger();
      const place = { ...(await largeLedger()), cores: cores === 1 ? (1 as const) : ('all' as const) };
      const sizes = await readSizes(file);
      return {
        ours: async () => {
          const { output, seconds, peak_mb } = await runNode([cli, 'verify', '--export', file, '--json'], place);
          const { verdict, size } = JSON.parse(output) as { verdict: string; size: number };
          if (verdict !== 'intact' || size <= RECORDS) throw new Error(`verify said ${verdict} of ${size} records`);
          return [size / seconds, peak_mb];
        },
        control: async () => {
          const args = [script('hash-alone'), String(HASHED_RECORDS), ...sizes.map(String)];
          const ended = await Promise.all(Array.from({ length: cores }, () => runNode(args, place)));
          return ended.reduce((sum, { output }) => sum + Number(output), 0);
        },
        close: () => Promise.resolve(),
      };
    },
  };
}

/** Bytes of payload and envelope of a record in the middle of the first megabyte. */
async function readSizes(path: string): Promise<[payload: number, envelope: number]> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1 << 20), 0, 1 << 20, 0);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    const record = JSON.parse(lines[Math.floor(lines.length / 2)] ?? '') as { payload: string; envelope: string };
    return [Buffer.byteLength(record.payload), Buffer.byteLength(record.envelope)];
  } finally {
    await file.close();
  }
}
