import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startIngestServer } from './http-load.js';
import { makeRunFolder } from './import-folder.js';
import type { Bench } from './measure.js';
import { cli, runNode, script } from './processes.js';

const ROWS = 100_000;
const SECONDS_MAX = 10;

export const importBench: Bench = {
  name: 'import',
  unit: 's',
  control: 'a process that parses the same two files',
  target: `< ${SECONDS_MAX} s (a folder with ${ROWS} loss rows by \`runseal import\`, into the service ingest)`,
  isMet: (value) => value < SECONDS_MAX,
  postgres: 18,
  prepare: async () => {
    const server = await startIngestServer();
    const folder = await makeRunFolder(ROWS);
    const { url, key } = server.target;
    const place = { folder, config: join(folder, '.config') };
    return {
      ours: async () => {
        // Another run each time: the same one again would seal nothing.
        const args = ['import', 'llamafactory', folder, '--run', randomUUID(), '--url', url, '--key', key, '--json'];
        const { output, seconds } = await runNode([cli, ...args], place);
        const { state, sealed, duplicates } = JSON.parse(output) as {
          state: string;
          sealed: number;
          duplicates: number;
        };
        if (state !== 'finished' || sealed <= ROWS || duplicates > 2) throw new Error(`imported otherwise: ${output}`);
        return seconds;
      },
      control: async () => (await runNode([script('import-parse-only'), folder], place)).seconds,
      close: async () => {
        await server.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
};
