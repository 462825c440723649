import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { recordInspector } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { readLineBlocks, type TakeBuffer } from './export-lines.js';
import { inspectLines, unpack, type PackedInspections } from './inspect-lines.js';
import type { Inspected } from './ledger-source.js';

const THREADS_MAX = 4;
/** Blocks that wait for or in a thread, so that it never runs dry while memory stays bounded. */
const BLOCKS_PER_THREAD = 2;
const SCRIPT = new URL('./inspect-worker.js', import.meta.url);

/** The heap of a thread holds one block's texts at a time; left alone, V8 would let the dead ones gather. */
const resourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 128 };

export interface InspectedBlock {
  readonly records: Inspected[];
  readonly bytes: number;
}

/** Reads and inspects a file's records on several threads, in the file's order; on one core, or unbuilt, on this one. */
export async function* inspectFile(path: string): AsyncGenerator<InspectedBlock> {
  const count = Math.min(THREADS_MAX, availableParallelism());
  if (count < 2 || !existsSync(fileURLToPath(SCRIPT))) {
    const inspect = recordInspector(sha256);
    for await (const block of readLineBlocks(path))
      yield { records: inspectLines(block, inspect), bytes: block.length };
    return;
  }
  const spare: ArrayBuffer[] = [];
  const take: TakeBuffer = (bytes) => {
    const memory = spare.pop();
    return memory !== undefined && memory.byteLength >= bytes ? Buffer.from(memory) : Buffer.allocUnsafeSlow(bytes);
  };
  const threads = Array.from({ length: count }, () => new Thread(spare));
  try {
    const waiting: Promise<InspectedBlock>[] = [];
    let turn = 0;
    for await (const block of readLineBlocks(path, take)) {
      const result = (threads[turn++ % count] as Thread).inspect(block);
      result.catch(() => undefined); // awaited below, in its turn
      waiting.push(result);
      if (waiting.length >= count * BLOCKS_PER_THREAD) yield await (waiting.shift() as Promise<InspectedBlock>);
    }
    for (const result of waiting) yield await result;
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

interface Answer {
  readonly packed: PackedInspections;
  readonly memory: ArrayBuffer;
}

class Thread {
  private readonly worker = new Worker(SCRIPT, { resourceLimits });
  private readonly asked: { resolve: (packed: PackedInspections) => void; reject: (error: Error) => void }[] = [];

  constructor(spare: ArrayBuffer[]) {
    this.worker.on('message', ({ packed, memory }: Answer) => {
      spare.push(memory);
      this.asked.shift()?.resolve(packed);
    });
    this.worker.on('error', (error: Error) => {
      for (const { reject } of this.asked.splice(0)) reject(error);
    });
  }

  /** Takes the block's memory with it. */
  async inspect(block: Buffer): Promise<InspectedBlock> {
    const bytes = block.length;
    const memory = block.buffer as ArrayBuffer;
    const packed = await new Promise<PackedInspections>((resolve, reject) => {
      this.asked.push({ resolve, reject });
      this.worker.postMessage({ memory, length: bytes }, [memory]);
    });
    return { records: unpack(packed), bytes };
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }
}
