import type { LedgerFault } from '@runseal/chain';
import pc from 'picocolors';
import { count, printLine, type Output } from '../surroundings.js';
import type { Verdict } from './verify-source.js';

const FAULTS_SHOWN = 20;

/** The verdict for people: what it is in the first line, then what it rests on. */
export function printVerdict(out: Output, verdict: Verdict): void {
  const colors = pc.createColors(out.isTTY === true);
  const paint = { intact: colors.green, tampered: colors.red, undetermined: colors.yellow }[verdict.verdict];
  printLine(out, paint(headline(verdict)));
  for (const line of details(verdict)) printLine(out, `  ${line}`);
}

function headline({ verdict, anchored_to, faults, reason, log, ledger }: Verdict): string {
  if (verdict === 'intact') {
    return `intact up to this signed head: ${count(anchored_to ?? 0)} records of ${log ?? ledger}`;
  }
  const [first] = faults;
  return verdict === 'tampered' ? `TAMPERED: ${first ? describeFault(first) : 'see below'}` : `undetermined: ${reason}`;
}

function details(verdict: Verdict): string[] {
  const { faults, fault_count, payloads, lost, trust, unanchored, heads_checked, tiles } = verdict;
  const lines = faults.slice(1, FAULTS_SHOWN).map(describeFault);
  if (fault_count > FAULTS_SHOWN) lines.push(`and ${count(fault_count - FAULTS_SHOWN)} faults more (--json lists 100)`);
  lines.push(
    `records: ${count(verdict.size)}, epoch ${verdict.epoch}, root ${verdict.root ?? 'none: records are missing'}`,
  );
  if (unanchored > 0) lines.push(`${count(unanchored)} of them are not under a trusted signed head`);
  const parts = Object.entries(payloads).filter(([state, number]) => number > 0 || state === 'verified');
  lines.push(`payloads: ${parts.map(([state, number]) => `${count(number)} ${state}`).join(', ')}`);
  lines.push(`heads: ${count(heads_checked)} compared, trusted by ${trustWords[trust]}`);
  if (tiles.compared + tiles.missing > 0) {
    lines.push(
      `tiles: ${count(tiles.compared)} compared${tiles.missing > 0 ? `, ${count(tiles.missing)} not there` : ''}`,
    );
  }
  for (const { epoch, from, to } of lost) {
    lines.push(`lost by a restore: records ${count(from)} to ${count(to)} of epoch ${epoch}`);
  }
  if (verdict.shown_key !== null) lines.push(...pinningHelp(verdict.shown_key));
  lines.push(`read at ${count(verdict.records_per_second)} records/s`);
  return lines;
}

const trustWords = {
  'known-log': 'known-logs, the copy on this machine',
  given: 'what you gave',
  none: 'nothing that was not learned here',
};

function pinningHelp(key: string): string[] {
  return [
    'The ledger shows this key. Compare it with the one that its operator gives you another way:',
    `  ${key}`,
    'If they are the same, remember it:',
    `  runseal verify --trust-key '${key}'`,
  ];
}

/** One fault in a sentence: the place, its kind as in INTERFACES, and what that means. */
export function describeFault(fault: LedgerFault): string {
  switch (fault.kind) {
    case 'tile_mismatch':
      return `${fault.tile}: tile_mismatch, the cached hashes are not those of the records`;
    case 'head_signature':
      return `head of ${count(fault.seq)} records: head_signature, its signature is wrong`;
    case 'head_mismatch':
      return `between record ${fault.between[0]} and ${fault.between[1] - 1}: head_mismatch, these are not the records that were signed`;
    case 'tail_missing':
      return `from record ${fault.between[0]} to ${fault.between[1] - 1}: tail_missing, signed records are gone from the end`;
    case 'fork':
      return `between record ${fault.between[0]} and ${fault.between[1] - 1}: fork, two different histories were signed`;
    default:
      return `record ${fault.seq}: ${fault.kind}, ${sentences[fault.kind]}`;
  }
}

const sentences = {
  content: 'it is not what was sealed',
  link: 'it does not follow the records before it',
  hole: 'it is missing',
  payload_mismatch: 'its payload or salt is not what was sealed',
  payload_missing: 'its payload is gone and nothing in the ledger says why',
};
