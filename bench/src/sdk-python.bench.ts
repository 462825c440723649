import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startIngestServer } from './http-load.js';
import type { Bench, Prepared, Run } from './measure.js';

const run = promisify(execFile);
const LIBS = fileURLToPath(new URL('../../libs/', import.meta.url));
const SCRIPT = join(LIBS, 'sdk-python', 'bench', 'bench_recording.py');
const FOLDER_MB = 1_000;

/** The package as its wheel holds it, in a place of its own, and what else the runs write. */
class Place {
  private constructor(
    readonly folder: string,
    private readonly python: string,
  ) {}

  static async open(): Promise<Place> {
    const python = await findPython();
    if (python === null) throw new Error(NO_PYTHON);
    const folder = await mkdtemp(join(tmpdir(), 'runseal-bench-'));
    await cp(join(LIBS, 'sdk-python', 'src', 'runseal'), join(folder, 'runseal'), { recursive: true });
    await cp(join(LIBS, 'contracts', 'schemas'), join(folder, 'runseal', 'events', 'schemas'), { recursive: true });
    return new Place(folder, python);
  }

  /** Each run is a process of its own. */
  measure(...args: readonly string[]): Run {
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin', PYTHONPATH: this.folder, HOME: this.folder, TMPDIR: tmpdir() };
    return async () => JSON.parse((await run(this.python, [SCRIPT, ...args], { env })).stdout) as number[];
  }

  close = () => rm(this.folder, { recursive: true, force: true });
}

const NO_PYTHON = 'there is no Python 3.9 or newer';

/** Its path, or null. */
async function findPython(): Promise<string | null> {
  for (const python of ['python3', 'python']) {
    const tell = 'import sys; assert sys.version_info >= (3, 9); print(sys.executable)';
    const found = await run(python, ['-c', tell]).catch(() => null);
    if (found !== null) return found.stdout.trim();
  }
  return null;
}

const lacks = async () => ((await findPython()) === null ? NO_PYTHON : null);

async function prepare(make: (place: Place) => Promise<Prepared>): Promise<Prepared> {
  const place = await Place.open();
  try {
    const { ours, control, close } = await make(place);
    return { ours, control, close: () => close().finally(place.close) };
  } catch (error) {
    await place.close();
    throw error;
  }
}

const closeNothing = () => Promise.resolve();

interface Recording {
  /** A figure of the script's. */
  readonly figure: 'row' | 'callback';
  readonly what: string;
  /** Names of the figures of begin and end, and what they are. */
  readonly begin: string;
  readonly end: string;
}

const rows: Recording = {
  figure: 'row',
  what: 'a row of 4 values',
  begin: 'start',
  end: '< 100 ms where no time is given for the delivery',
};
const callbacks: Recording = {
  figure: 'callback',
  what: 'what a Hugging Face trainer calls at a row and after a step',
  begin: 'begin',
  end: '< 100 ms at the end of the training, before its files are hashed',
};

const recordingBench = ({ figure, what, begin, end }: Recording, server: string, words: string): Bench => ({
  name: `sdk-python-${figure}-${server}`,
  unit: 'microseconds',
  control: 'the same loop without us',
  target: `< 100 microseconds in the median for ${what}, the server ${words}`,
  isMet: (value) => value < 100,
  also: [
    {
      name: `sdk-python-${figure}-${server}-p99`,
      unit: 'microseconds',
      target: '< 1000 microseconds',
      isMet: (value) => value < 1_000,
    },
    {
      name: `sdk-python-${figure}-${server}-${begin}`,
      unit: 'ms',
      target: '< 100 ms: nothing waits for the network',
      isMet: (value) => value < 100,
    },
    {
      name: `sdk-python-${figure}-${server}-end`,
      unit: 'ms',
      target: end,
      isMet: (value) => value < 100,
    },
  ],
  lacks,
  prepare: () =>
    prepare((place) =>
      Promise.resolve({
        ours: place.measure(figure, server),
        control: place.measure('row', 'none'),
        close: closeNothing,
      }),
    ),
});

const acceptBench: Bench = {
  name: 'sdk-python-accept',
  unit: 'points/s',
  control: null,
  target: '>= 20000 points/s from the loop into the spool',
  isMet: (value) => value >= 20_000,
  lacks,
  prepare: () =>
    prepare((place) => Promise.resolve({ ours: place.measure('accept'), control: null, close: closeNothing })),
};

const deliverBench: Bench = {
  name: 'sdk-python-deliver',
  unit: 'points/s',
  control: null,
  target: '>= 10000 points/s from a spool into the service ingest',
  isMet: (value) => value >= 10_000,
  also: [
    {
      name: 'sdk-python-deliver-memory',
      unit: 'MB',
      target: '< 100 MB for 100000 points',
      isMet: (value) => value < 100,
    },
  ],
  postgres: 18,
  lacks,
  prepare: () =>
    prepare(async (place) => {
      const server = await startIngestServer();
      const { url, key } = server.target;
      return { ours: place.measure('deliver', url, key), control: null, close: () => server.close() };
    }),
};

const hashBench = (name: string, files: number, words: string): Bench => ({
  name,
  unit: 's',
  control: 'openssl sha256 over the same files, with the same lowest priority',
  target: `<= 1.3 of the control (a folder of ${FOLDER_MB} MB in ${words}, until it is recorded)`,
  isMet: (_, ratio) => ratio !== null && ratio <= 1.3,
  lacks: async () => {
    const openssl = await run('openssl', ['version']).catch(() => null);
    return (await lacks()) ?? (openssl === null ? 'there is no openssl to compare with' : null);
  },
  prepare: () =>
    prepare(async (place) => {
      const folder = await mkdtemp(join(place.folder, 'output-'));
      await place.measure('fill', folder, String(FOLDER_MB), String(files))();
      return { ours: place.measure('hash', folder), control: place.measure('openssl', folder), close: closeNothing };
    }),
});

export const sdkPythonBenches: readonly Bench[] = [
  ...[rows, callbacks].flatMap((one) => [
    recordingBench(one, 'down', 'down'),
    recordingBench(one, 'slow', 'answering after 100 ms'),
    recordingBench(one, '503', 'answering 503'),
  ]),
  acceptBench,
  deliverBench,
  hashBench('sdk-python-hash', 5, 'five files'),
  hashBench('sdk-python-hash-one', 1, 'one file'),
];
