import { ancestryBench } from './ancestry.bench.js';
import { auditRecordBench } from './audit-record.bench.js';
import { cliHelpBench } from './cli-help.bench.js';
import { curveBench } from './curve.bench.js';
import { evidenceBench } from './evidence.bench.js';
import { gatesBench } from './gates.bench.js';
import { httpIngest1Bench } from './http-ingest-1.bench.js';
import { httpIngest50Bench } from './http-ingest-50.bench.js';
import { importBench } from './import.bench.js';
import { deleteLargeLedger } from './large-ledger.js';
import { measure, type Bench } from './measure.js';
import { quickstartBench } from './quickstart.bench.js';
import { rebuildBench } from './rebuild.bench.js';
import { relayBench } from './relay.bench.js';
import { runListBench } from './run-list.bench.js';
import { sdkLogMetricsBench } from './sdk-log-metrics.bench.js';
import { sdkPythonBenches } from './sdk-python.bench.js';
import { sealBench } from './seal.bench.js';
import { standalone1mBench } from './standalone-1m.bench.js';
import { verifyBenches } from './verify.bench.js';
import { visibleBenches } from './visible.bench.js';

const benches: readonly Bench[] = [
  sealBench,
  httpIngest50Bench,
  httpIngest1Bench,
  sdkLogMetricsBench,
  ...sdkPythonBenches,
  cliHelpBench,
  ...verifyBenches,
  evidenceBench,
  importBench,
  gatesBench,
  rebuildBench,
  curveBench,
  runListBench,
  ancestryBench,
  auditRecordBench,
  standalone1mBench,
  relayBench,
  ...visibleBenches,
  quickstartBench,
];

const say = (line: string) => process.stderr.write(`${line}\n`);

/** A name means the bench of that name, or all whose names begin with it and a hyphen. */
const isNamed = (name: string, wanted: string) => name === wanted || name.startsWith(`${wanted}-`);

/** The exit code: 2 where a name is unknown, 1 where a bench failed; a target that is missed is a figure like any other. */
async function main(wanted: readonly string[]): Promise<0 | 1 | 2> {
  const unknown = wanted.filter((one) => !benches.some(({ name }) => isNamed(name, one)));
  if (unknown.length > 0) {
    say(`There is no bench ${unknown.join(', ')}. There are: ${benches.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  let isOk = true;
  for (const bench of benches) {
    const { name, onlyByName } = bench;
    if (wanted.length > 0 && !wanted.some((one) => isNamed(name, one))) continue;
    if (wanted.length === 0 && onlyByName !== undefined) {
      say(`${name} runs only where it is named: ${onlyByName}`);
      continue;
    }
    try {
      const lacking = (await bench.lacks?.()) ?? null;
      if (lacking !== null) {
        say(`${name} is skipped: ${lacking}`);
        continue;
      }
      for (const figure of await measure(bench)) process.stdout.write(`${JSON.stringify(figure)}\n`);
    } catch (error) {
      say(`${name} failed: ${error instanceof Error ? error.stack : String(error)}`);
      isOk = false;
    }
  }
  await deleteLargeLedger();
  return isOk ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
