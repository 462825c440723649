import { tmpdir } from 'node:os';
import type { Bench } from './measure.js';
import { cli, runNode } from './processes.js';

const PLACE = { folder: tmpdir(), config: tmpdir() };

export const cliHelpBench: Bench = {
  name: 'cli-help',
  unit: 'ms',
  control: 'node -e 0',
  target: '< 300 ms',
  isMet: (value) => value < 300,
  runs: 11,
  prepare: () =>
    Promise.resolve({
      ours: async () => (await runNode([cli, '--help'], PLACE)).seconds * 1_000,
      control: async () => (await runNode(['-e', '0'], PLACE)).seconds * 1_000,
      close: () => Promise.resolve(),
    }),
};
