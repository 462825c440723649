import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { recordInspector } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { inspectLines, unpack, type PackedInspections } from './inspect-lines.js';
import type { Inspected } from './ledger-source.js';

const THREADS_MAX = 4;
/** Blocks that wait for or in a thread, so that it never runs dry while memory stays bounded. */
const BLOCKS_PER_THREAD = 2;
const SCRIPT = new URL('./inspect-worker.js', import.meta.url);

/** Inspects blocks of lines on several threads, results in the order of the blocks; on one core, or unbuilt, on this one. */
export async function* inspectBlocks(
  blocks: AsyncIterable<Buffer>,
): AsyncGenerator<{ records: Inspected[]; bytes: number }> {
  const count = Math.min(THREADS_MAX, availableParallelism());
  if (count < 2 || !existsSync(fileURLToPath(SCRIPT))) {
    const inspect = recordInspector(sha256);
    for await (const block of blocks) yield { records: inspectLines(block, inspect), bytes: block.length };
    return;
  }
  const threads = Array.from({ length: count }, () => new Thread());
  try {
    const waiting: Promise<{ records: Inspected[]; bytes: number }>[] = [];
    let turn = 0;
    for await (const block of blocks) {
      const thread = threads[turn++ % threads.length] as Thread;
      const bytes = block.length;
      const result = thread.inspect(block).then((packed) => ({ records: unpack(packed), bytes }));
      result.catch(() => undefined); // awaited below, in its turn
      waiting.push(result);
      if (waiting.length >= count * BLOCKS_PER_THREAD) yield await (waiting.shift() as (typeof waiting)[0]);
    }
    for (const result of waiting) yield await result;
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

class Thread {
  private readonly worker = new Worker(SCRIPT);
  private readonly asked: { resolve: (packed: PackedInspections) => void; reject: (error: Error) => void }[] = [];

  constructor() {
    this.worker.on('message', (packed: PackedInspections) => this.asked.shift()?.resolve(packed));
    this.worker.on('error', (error: Error) => {
      for (const { reject } of this.asked.splice(0)) reject(error);
    });
  }

  inspect(block: Buffer): Promise<PackedInspections> {
    // A copy of its own can be handed over whole; file chunks may share their memory with others.
    const own = new Uint8Array(block);
    return new Promise((resolve, reject) => {
      this.asked.push({ resolve, reject });
      this.worker.postMessage(own, [own.buffer]);
    });
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }
}
