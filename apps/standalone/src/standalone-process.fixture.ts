import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort, waitFor } from '@runseal/testing';

export const mainFile = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface Place {
  /** The data folder. */
  readonly data: string;
  /** Stands in for ~/.config. */
  readonly config: string;
  readonly port: number;
  /** Run as this user. */
  readonly uid?: number;
}

export interface Credentials {
  url: string;
  api_key: string;
  database_url: string;
  heads_dir: string;
  log: string;
}

/** `dist/main.js` as a process of its own. */
export class StandaloneProcess {
  output = '';
  private readonly ended: Promise<number | string>;

  private constructor(
    readonly place: Place,
    readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown')));
  }

  static spawn(place: Place): StandaloneProcess {
    const args = [mainFile, '--port', String(place.port), '--data', place.data];
    const who = place.uid === undefined ? {} : { uid: place.uid, gid: place.uid };
    // A group of its own, as a shell gives it: nothing but the signals of the test reaches it.
    const options = {
      env: { XDG_CONFIG_HOME: place.config },
      cwd: '/',
      detached: true,
      ...who,
    };
    return new StandaloneProcess(place, spawn(process.execPath, args, options));
  }

  /** Spawns and waits until it answers; throws with what it said where it ends instead. */
  static async start(place: Place): Promise<StandaloneProcess> {
    const started = StandaloneProcess.spawn(place);
    await Promise.race([
      waitFor('the address', () => started.output.includes('Runseal listens on'), 60_000),
      started.ended.then((code) => {
        throw new Error(`standalone ended with ${code}: ${started.output}`);
      }),
    ]);
    return started;
  }

  /** The exit code, or the signal that ended it. */
  end(): Promise<number | string> {
    return this.ended;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    this.child.kill(signal);
    return this.ended;
  }

  credentials(): Promise<Credentials> {
    return readCredentials(this.place);
  }

  async get(path: string): Promise<Response> {
    const { url, api_key } = await this.credentials();
    return fetch(`${url}${path}`, { headers: { authorization: `Bearer ${api_key}` } });
  }
}

export async function readCredentials({ data }: Place): Promise<Credentials> {
  return JSON.parse(await readFile(join(data, 'credentials.json'), 'utf8')) as Credentials;
}

/** A port of which the one 100 above, for metrics, is free too. */
export async function findServicePort(): Promise<number> {
  for (;;) {
    const port = await findFreePort();
    if (port < 65_000) return port;
  }
}
