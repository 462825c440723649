import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCli } from '@runseal/cli';
import type { VerdictAnswer } from '@runseal/gates';
import { findFreePort, waitFor } from '@runseal/testing';
import { v7 as uuidv7 } from 'uuid';

const SCRIPT = fileURLToPath(new URL('../../apps/cli/bin/runseal.js', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));

export const runFolder = (name: string): string => join(FIXTURES, name);
export const inputFile = (name: string): string => join(FIXTURES, 'inputs', name);

export interface ToImport {
  readonly folder: string;
  readonly config?: string;
  readonly dataset?: string;
  readonly facts?: object;
}

export interface Judged extends VerdictAnswer {
  /** Of G1 to G6. */
  readonly verdicts: readonly string[];
  gate(id: string): VerdictAnswer['gates'][number];
}

/** Everything as `runseal standalone` serves it, in a process of its own, and the command line against it in this one. */
export class JudgingSite {
  private address = { url: '', api_key: '' };

  private constructor(
    private readonly base: string,
    private readonly standalone: ChildProcess,
  ) {}

  static async start(): Promise<JudgingSite> {
    const base = await mkdtemp(join(tmpdir(), 'runseal-real-'));
    // Started by root, Postgres runs as another user.
    await chmod(base, 0o711);
    const args = [SCRIPT, 'standalone', '--port', String(await findFreePort()), '--data', join(base, 'data')];
    const env = { XDG_CONFIG_HOME: join(base, 'config') };
    const standalone = spawn(process.execPath, args, { env, cwd: base, stdio: ['ignore', 'pipe', 'pipe'] });
    const site = new JudgingSite(base, standalone);
    let said = '';
    for (const stream of [standalone.stdout, standalone.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    await waitFor('the address', () => said.includes('Runseal serves') || standalone.exitCode !== null, 60_000);
    if (standalone.exitCode !== null) throw new Error(said);
    const credentials = await readFile(join(base, 'data', 'credentials.json'), 'utf8');
    site.address = JSON.parse(credentials) as typeof site.address;
    return site;
  }

  /** What the command prints with `--json`. */
  async cli<Answer>(...args: string[]): Promise<Answer> {
    const [out, err] = [new Text(), new Text()];
    const { url, api_key: apiKey } = this.address;
    const exitCode = await runCli([...args, '--json'], {
      ...{ out, err, folder: this.base, interrupted: new AbortController().signal },
      environment: { url, apiKey, configHome: join(this.base, 'config') },
    });
    if (exitCode === 2 || out.text === '') throw new Error(`${args.join(' ')}: ${exitCode} ${out.text}${err.text}`);
    return JSON.parse(out.text) as Answer;
  }

  /** Imports a folder as a run of its own, whatever else was made of the same one, and returns the verdict on it. */
  async judge({ folder, config, dataset, facts }: ToImport): Promise<Judged> {
    const run = uuidv7();
    const factsFile = join(this.base, `${run}.yaml`);
    // JSON is YAML.
    if (facts) await writeFile(factsFile, JSON.stringify(facts));
    const { state, overall } = await this.cli<{ state: string; overall: string }>(
      ...['import', 'llamafactory', folder, '--run', run, '--experiment', 'real runs'],
      ...(config === undefined ? [] : ['--config', config]),
      ...(dataset === undefined ? [] : ['--dataset', dataset]),
      ...(facts ? ['--facts', factsFile] : []),
    );
    const verdict = await this.cli<VerdictAnswer>('why', run);
    if (state !== 'finished' || verdict.overall !== overall)
      throw new Error(`${folder}: ${state}, import says ${overall}, the gates ${verdict.overall}`);
    return {
      ...verdict,
      verdicts: verdict.gates.map((gate) => gate.verdict),
      gate: (id) => {
        const found = verdict.gates.find((gate) => gate.id === id);
        if (!found) throw new Error(`There is no gate ${id}`);
        return found;
      },
    };
  }

  /** A folder of this name as a training would have left it whose rows came out otherwise. */
  async variant(name: string, edit: Edit): Promise<string> {
    const parent = join(this.base, 'variants', uuidv7());
    const folder = join(parent, name);
    await mkdir(parent, { recursive: true });
    await cp(runFolder(name), folder, { recursive: true });
    for (const file of await readdir(folder, { recursive: true })) await rewrite(join(folder, file), edit);
    return folder;
  }

  async close(): Promise<void> {
    this.standalone.kill('SIGTERM');
    if (this.standalone.exitCode === null) await once(this.standalone, 'exit');
    await rm(this.base, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

export interface Row {
  readonly step: number;
  readonly loss?: number;
  readonly grad_norm?: number;
  readonly eval_loss?: number;
}

/** What becomes of a row: the training's, an evaluation's, the summary. Null leaves it out. */
export type Edit = (row: Row) => Row | null;

/** The same in every file that tells of rows: trainer_state.json of folder and checkpoints, the log, the results. */
async function rewrite(path: string, edit: Edit): Promise<void> {
  if (path.endsWith('trainer_state.json')) {
    const state = JSON.parse(await readFile(path, 'utf8')) as { log_history: Row[] };
    await writeFile(path, pythonJson({ ...state, log_history: state.log_history.flatMap((row) => edit(row) ?? []) }));
  } else if (path.endsWith('trainer_log.jsonl')) {
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    const rows = lines.map((line) => JSON.parse(line) as Row & { current_steps: number });
    const edited = rows.flatMap((row) => edit({ ...row, step: row.current_steps }) ?? []);
    await writeFile(path, edited.map((row) => `${pythonJson({ ...row, step: undefined })}\n`).join(''));
  } else if (/(all|eval)_results\.json$/.test(path)) {
    const results = JSON.parse(await readFile(path, 'utf8')) as Record<string, number>;
    const edited = edit({ ...results, step: Infinity });
    const kept = Object.entries(results).filter(([name]) => !/^(eval_|perplexity$)/.test(name));
    await writeFile(path, pythonJson({ ...(edited ?? Object.fromEntries(kept)), step: undefined }));
  }
}

/** Python writes bare NaN and Infinity, which JSON has no word for. */
const pythonJson = (value: object): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'number' && !Number.isFinite(member) ? `<${member}>` : member,
  ).replace(/"<(-?Infinity|NaN)>"/g, '$1');

class Text extends Writable {
  text = '';

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += String(chunk);
    done();
  }
}
