import { parentPort } from 'node:worker_threads';
import { recordInspector } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { inspectLines, pack } from './inspect-lines.js';

// A thread of `inspector-threads.ts`: takes blocks of lines, answers in their order, and gives each block's memory back.
const inspect = recordInspector(sha256);
parentPort?.on('message', ({ memory, length }: { memory: ArrayBuffer; length: number }) => {
  const packed = pack(inspectLines(Buffer.from(memory, 0, length), inspect));
  parentPort?.postMessage({ packed, memory }, [packed.numbers.buffer, packed.hashes.buffer, memory]);
});
