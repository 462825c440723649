import { parentPort } from 'node:worker_threads';
import { recordInspector } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { inspectLines, pack } from './inspect-lines.js';

// A thread of `InspectorThreads`: takes blocks of lines, answers in their order.
const inspect = recordInspector(sha256);
parentPort?.on('message', (block: Uint8Array) => {
  const packed = pack(inspectLines(Buffer.from(block.buffer, block.byteOffset, block.byteLength), inspect));
  parentPort?.postMessage(packed, [packed.numbers.buffer, packed.hashes.buffer]);
});
