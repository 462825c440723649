import { parseOrigin, parseTlogProof, verifyEvidence, type EvidenceResult } from '@runseal/chain';
import { readKnownLogs } from '@runseal/ledger';
import pc from 'picocolors';
import { CliError, printJson, printLine, UNDETERMINED, YES, NO, type ExitCode, type Output } from '../surroundings.js';
import { crypto, findTrust, readGiven, type TrustOptions } from './trust.js';

const NOTHING_CLAIMED = {
  ledger: '',
  log: null,
  keys: [],
  heads: [],
  laterEpochs: [],
  withheld: null,
  total: null,
  tiledSize: null,
};

export interface EvidenceOptions extends TrustOptions {
  readonly file: string;
  readonly knownLogs: string;
  readonly json: boolean;
}

/** Checks one record offline: nothing is asked of anybody but the file, and known-logs or the given key. */
export async function verifyEvidenceFile(options: EvidenceOptions, out: Output): Promise<ExitCode> {
  const text = await readGiven(options.file, 'evidence of a record');
  const log = logOf(text, options.file);
  const entry = (await readKnownLogs(options.knownLogs)).find((known) => known.log === log) ?? null;
  const { keys, trust } = await findTrust(options, NOTHING_CLAIMED, entry);
  const result = verifyEvidence(crypto, text, keys);
  const verdict = verdictOf(result);
  if (options.json) printJson(out, { verdict, trust, log, ...describe(result) });
  else print(out, verdict, result);
  return { intact: YES, tampered: NO, undetermined: UNDETERMINED }[verdict] as ExitCode;
}

/** No key, no answer; whatever else is wrong was done to the file. */
function verdictOf(result: EvidenceResult): 'intact' | 'tampered' | 'undetermined' {
  if (result.isValid) return 'intact';
  return result.code === 'unknown_key' ? 'undetermined' : 'tampered';
}

function describe(result: EvidenceResult) {
  if (!result.isValid) return { reason: result.message, faults: [{ kind: result.code }] };
  const { record, head, payload } = result;
  return {
    reason: null,
    ledger: record.ledger,
    epoch: record.epoch,
    seq: record.seq,
    size: head.size,
    origin: head.origin,
    payload,
    faults: [],
  };
}

function print(out: Output, verdict: string, result: EvidenceResult): void {
  const colors = pc.createColors(out.isTTY === true);
  if (result.isValid) {
    const { record, head, payload } = result;
    printLine(out, colors.green(`intact: record ${record.seq} is under the signed head of ${head.size} records`));
    printLine(out, `  of ${head.origin}, payload ${payload}`);
    printLine(out, `  ${typeof record.envelope === 'string' ? record.envelope : ''}`);
  } else if (verdict === 'tampered') {
    printLine(out, colors.red(`TAMPERED: ${result.code}, ${result.message}`));
  } else {
    printLine(out, colors.yellow(`undetermined: ${result.message}. Give the ledger's key with --key-file.`));
  }
}

function logOf(text: string, path: string): string | null {
  let file: { format?: unknown; proof?: unknown } | null;
  try {
    file = JSON.parse(text) as typeof file;
  } catch (cause) {
    throw new CliError(`${path} is not JSON, wanted a file that "runseal evidence" made.`, UNDETERMINED, { cause });
  }
  if (typeof file?.format !== 'string' || typeof file.proof !== 'string') {
    throw new CliError(`${path} is no evidence, wanted a file that "runseal evidence" made.`);
  }
  try {
    const { headNote } = parseTlogProof(file.proof);
    const { install, ledger } = parseOrigin(headNote.slice(0, headNote.indexOf('\n')));
    return `${install}/${ledger}`;
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return null; // a changed file: verifyEvidence says so
    throw error;
  }
}
