import { stat } from 'node:fs/promises';
import { knownLogsPath, readKnownLogs } from '@runseal/ledger';
import { findAddress, type Address } from '../credentials.js';
import { readPage } from '../record-pages.js';
import { Server } from '../server.js';
import { CliError, type GlobalOptions, type Surroundings } from '../surroundings.js';
import { findEntry } from '../verify/trust.js';
import { ok, unknown, wrong, type Finding } from './finding.js';

/** Heads come every 10 s while a ledger grows; three missed ones are no accident. */
const UNSIGNED_MAX_S = 30;

/** Credentials, the server, its newest head and what is remembered of it. */
export async function* checkServer(options: GlobalOptions, surroundings: Surroundings): AsyncGenerator<Finding> {
  let address: Address;
  try {
    address = await findAddress(options, surroundings);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    yield unknown('configuration', 'no server is named', error.message);
    return;
  }
  const { url, apiKey, credentials } = address;
  yield ok('configuration', `the server is ${url}`);
  if (credentials) yield await checkMode(credentials.path);
  const server = new Server(url, null, surroundings.interrupted);
  const ready = await tried('server', 'Start it, or give another --url.', () => server.getText('/health/ready'));
  yield ready.finding ?? ok('server', 'ready');
  if (ready.finding) return;
  const withKey = new Server(url, apiKey, surroundings.interrupted);
  const advice = 'Give a key of this ledger with the scope read.';
  const record = await tried('key', advice, () => readPage(withKey, { after: -1, limit: 1 }));
  yield record.finding ?? ok('key', 'accepted');
  if (record.finding) return;
  const ledger = credentials?.log?.split('/')[1] ?? 'default';
  yield* checkHead(withKey, ledger);
  const log = credentials?.log ?? null;
  const entry = findEntry(await readKnownLogs(knownLogsPath(surroundings.environment.configHome)), log, ledger);
  yield entry
    ? ok('trust', `the key of ${entry.log} is known here`)
    : wrong('trust', `no key of ${ledger} is known here`, 'Run "runseal verify": it says how to trust a key.');
}

async function checkMode(path: string): Promise<Finding> {
  const mode = (await stat(path)).mode & 0o777;
  if ((mode & 0o077) === 0) return ok('credentials', `only you can read ${path}`);
  return wrong('credentials', `others can read ${path} (mode ${mode.toString(8)})`, `Run: chmod 600 '${path}'`);
}

async function* checkHead(server: Server, ledger: string): AsyncGenerator<Finding> {
  const path = `/v1/log/${encodeURIComponent(ledger)}/checkpoint`;
  const asked = await tried('head', 'Look for "no head can be published" in the log of ingest.', () =>
    server.getText(path),
  );
  if (asked.finding) {
    yield asked.finding;
    return;
  }
  const size = Number(asked.value?.split('\n')[1]);
  const next = await tried('head', 'Run "runseal verify".', () => readPage(server, { after: size - 2, limit: 2 }));
  if (next.finding) {
    yield next.finding;
    return;
  }
  const [newest, unsigned] = (next.value?.items ?? []).map(sealedAt);
  if (newest === undefined) {
    yield wrong('head', `the record under the newest head (${size}) is not there`, 'Run "runseal verify".');
    return;
  }
  const age_s = Math.round((Date.now() - newest) / 1000);
  const waiting_s = unsigned === undefined ? 0 : Math.round((Date.now() - unsigned) / 1000);
  yield waiting_s > UNSIGNED_MAX_S
    ? wrong(
        'head',
        `records have waited ${waiting_s} s for a signed head, the newest covers ${size}`,
        'Look for "no head can be published" in the log of ingest.',
      )
    : ok('head', `${size} records are under the newest head, the last of them sealed ${age_s} s ago`);
}

function sealedAt(item: unknown): number {
  try {
    return Date.parse((JSON.parse((item as { envelope: string }).envelope) as { sealed_at: string }).sealed_at);
  } catch {
    return Number.NaN; // a changed envelope is for verify to name
  }
}

/** The answer, or why there is none: unreachable is unknown, a refusal is wrong. */
async function tried<T>(
  check: string,
  advice: string,
  work: () => Promise<T>,
): Promise<{ value?: T; finding?: Finding }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const say = error.exitCode === 1 ? wrong : unknown;
    return { finding: say(check, error.message, advice) };
  }
}
