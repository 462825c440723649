import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import type { RunOfArtifact } from '@runseal/lineage';
import type { VersionAnswer } from '@runseal/registry';
import { lookUp, type LookedUp } from '../look-up.js';
import { openServer } from '../open-server.js';
import { paintFor, type Paint } from '../paint.js';
import type { Run } from '../command.js';
import {
  NO,
  printJson,
  printLine,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Surroundings,
} from '../surroundings.js';
import { cell, wrap } from '../text-table.js';

interface Options extends GlobalOptions {
  readonly stage?: string;
}

const NAMED_FILES_MAX = 5;

export function declare(command: Command, run: Run): void {
  command
    .argument('<path>', 'a file or a folder')
    .addOption(
      new Option('--stage <stage>', 'exit code 1 unless a version of it is at this stage, uncontested').choices([
        'Candidate',
        'Staging',
        'Production',
      ]),
    )
    .addHelpText(
      'after',
      '\nThe question at deployment. A folder is known where it was recorded as a whole, or where one run recorded every\n' +
        'file in it. Exit code 1 where the ledger does not know it.\n\n' +
        'Example:\n  runseal check out/lora-adapter --stage Production',
    )
    .action(
      run((surroundings, path: string, _options: unknown, self: Command) =>
        check(path, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function check(path: string, { stage, ...options }: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { out } = surroundings;
  const server = await openServer(options, surroundings);
  const found = await lookUp(server, resolve(surroundings.folder, path));
  const isKnown = found.artifact !== null || found.runs.length > 0;
  const isOk = isKnown && (stage === undefined || found.versions.some((version) => isAt(version, stage)));
  if (options.json) {
    const files = found.files?.map(({ path: of, digest, artifact }) => ({
      path: of,
      digest,
      known: artifact !== null,
    }));
    const { digest, artifact, runs } = found;
    const versions = found.versions.map(({ model, version, stage: at, contested, overall }) => ({
      ...{ model, version, stage: at, contested, overall },
    }));
    printJson(out, { path, digest, known: isKnown, ok: isOk, runs, versions, files: files ?? null, artifact });
  } else {
    printLine(out, describe(path, found, paintFor(out)));
    if (isKnown && !isOk) printLine(out, `  ${refusalOf(found, stage ?? '')}`);
  }
  return isOk ? YES : NO;
}

const refusalOf = ({ versions }: LookedUp, stage: string): string =>
  versions.some((version) => version.stage === stage)
    ? `NO: its version at stage ${stage} is contested`
    : `NO: no version of it is at stage ${stage}`;

const isAt = ({ stage, contested }: VersionAnswer, wanted: string): boolean => stage === wanted && !contested;

function describe(path: string, found: LookedUp, paint: Paint): string {
  const { artifact, files, digest } = found;
  if (artifact) {
    const what = artifact.kind === null ? (artifact.form ?? 'artifact') : cell(artifact.kind);
    const head = [`${path}: ${what}, first seen in record ${artifact.first_seq}`, `  ${digest}`];
    const made = [...new Set(artifact.made_by.map((run) => madeBy(run, paint)))];
    const used = artifact.used_by.map((run) => `  used by run ${nameOf(run)} as ${cell(run.role)}`);
    const none = made.length === 0 ? ['  made by no run of this ledger'] : [];
    return [...head, ...made, ...used, ...none, ...versionsOf(found, paint)].join('\n');
  }
  if (!files) return `${path}: ${paint('UNKNOWN', 'blocked')}, this ledger has never seen it\n  ${digest}`;
  return describeFiles(path, found, paint);
}

/** A folder that is known by its files, if at all. */
function describeFiles(path: string, found: LookedUp, paint: Paint): string {
  const files = found.files ?? [];
  const strange = files.filter(({ artifact }) => artifact === null);
  const runs = new Map(files.flatMap(({ artifact }) => (artifact?.made_by ?? []).map((run) => [run.run_id, run])));
  if (found.runs.length > 0) {
    const by = found.runs.map((id) => `  recorded by run ${nameOf(runs.get(id) ?? { run_id: id, name: null })}`);
    const head = `${path}: a folder of ${files.length} files, all recorded by one run`;
    return [head, `  ${found.digest}`, ...by, ...versionsOf(found, paint)].join('\n');
  }
  const named = strange.slice(0, NAMED_FILES_MAX).map((file) => cell(file.path, 60));
  const more = strange.length - named.length;
  const why =
    strange.length > 0
      ? `This ledger has never seen ${strange.length} of its ${files.length} files: ${named.join(', ')}${more > 0 ? `, and ${more} more` : ''}.`
      : files.length > 0
        ? 'Its files are known, but no run recorded all of them.'
        : 'It holds no files.';
  const weights = files.filter(({ artifact }) => (artifact?.model_versions.length ?? 0) > 0);
  return [
    `${path}: ${paint('UNKNOWN', 'blocked')} as a whole`,
    `  ${found.digest}`,
    wrap(why, '  '),
    ...weights.map((file) => `  ${cell(file.path, 60)} in it is known: runseal check ${path}/${file.path}`),
    ...versionsOf(found, paint),
  ].join('\n');
}

function madeBy(run: RunOfArtifact, paint: Paint): string {
  const { role, state, overall, through } = run;
  const as = through === null ? cell(role) : `a file of its ${cell(role)}`;
  return `  made by run ${nameOf(run)} as ${as}: ${paint(state)}, ${paint(overall ?? 'not judged')}`;
}

const nameOf = ({ name, run_id }: { readonly name: string | null; readonly run_id: string }): string =>
  name === null ? run_id : `${cell(name)} (${run_id})`;

function versionsOf({ versions }: LookedUp, paint: Paint): string[] {
  return versions.map(({ model, version, stage, contested, requests }) => {
    const granted = requests.find(({ outcome, to }) => outcome === 'granted' && to === stage);
    const by = (granted?.decisions ?? []).filter((one) => one.is_given).map(({ actor }) => actor);
    const approved = by.length === 0 ? '' : `\n    approved by ${by.join(' and ')}`;
    const doubt = contested ? `, ${paint('CONTESTED: its newest verdict blocks', 'contested')}` : '';
    return `  model ${model} version ${version}, stage ${paint(stage)}${doubt}${approved}`;
  });
}
