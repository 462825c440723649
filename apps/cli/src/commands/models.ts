import { type Command } from 'commander';
import type { ComplianceAnswer, ModelItem, Page, VersionAnswer, VersionItem } from '@runseal/registry';
import { openServer } from '../open-server.js';
import type { Run } from '../command.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';
import { paintFor, type Paint } from '../paint.js';
import { shortDigest, shortId, shortTime, textTable, wrap } from '../text-table.js';
import { unmetText } from '../unmet-text.js';
import { parseVersion } from './promote.js';

interface Options extends GlobalOptions {
  readonly asOf?: string;
}

export function declare(command: Command, run: Run): void {
  command
    .argument('[model]', 'its versions; without it all models')
    .argument('[version]', 'one version: stages, approvals, and what is in its way', parseVersion)
    .option('--as-of <seq-or-time>', 'as it was then')
    .addHelpText('after', '\nExamples:\n  runseal models\n  runseal models support 4')
    .action(
      run((surroundings, ...[model, version, , self]: [string | undefined, number | undefined, unknown, Command]) =>
        print({ model, version }, self.optsWithGlobals(), surroundings),
      ),
    );
}

interface Asked {
  readonly model: string | undefined;
  readonly version: number | undefined;
}

async function print(asked: Asked, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { model, version } = asked;
  const server = await openServer(options, surroundings);
  const { out } = surroundings;
  const paint = paintFor(out);
  const query = options.asOf === undefined ? '' : `?as_of=${encodeURIComponent(options.asOf)}`;
  const versions = model === undefined ? '' : `/${encodeURIComponent(model)}/versions`;
  const path = `/v1/models${versions}${version === undefined ? '' : `/${version}`}`;
  const answer = await server.getJson<object>(path + query);
  if (options.json) printJson(out, answer);
  else if (model === undefined) printLine(out, modelsText(answer as Page<ModelItem>));
  else if (version === undefined) printLine(out, versionsText(answer as Page<VersionItem>, paint));
  else {
    const compliance = await server.getJson<ComplianceAnswer>(`${path}/compliance${query}`);
    printLine(out, versionText(answer as VersionAnswer, compliance, paint));
  }
  return YES;
}

function modelsText({ items }: Page<ModelItem>): string {
  if (items.length === 0) return 'No models: a finished run with weights becomes a version of its model.';
  const rows = items.map(({ model, versions, production, newest }) => [
    model,
    String(versions),
    newest === null ? '-' : `${newest.version} (${newest.stage})`,
    production.length === 0 ? '-' : production.join(', '),
  ]);
  return textTable(['MODEL', 'VERSIONS', 'NEWEST', 'IN PRODUCTION'], rows);
}

function versionsText({ items }: Page<VersionItem>, paint: Paint): string {
  if (items.length === 0) return 'No versions.';
  const rows = items.map((one) => [
    String(one.version),
    paint(one.stage) + (one.contested ? `, ${paint('CONTESTED', 'contested')}` : ''),
    paint(one.overall ?? '-'),
    one.open_request === null ? '-' : 'open',
    shortId(one.run_id),
    shortDigest(one.artifact.digest),
    shortTime(one.stage_since.at),
  ]);
  return textTable(['VERSION', 'STAGE', 'VERDICT', 'REQUEST', 'RUN', 'WEIGHTS', 'SINCE'], rows);
}

function versionText(version: VersionAnswer, compliance: ComplianceAnswer, paint: Paint): string {
  const { model, stage, contested, overall, run_id, artifact, next, tags } = version;
  const facts: [string, string][] = [
    [
      'stage',
      paint(stage) + (contested ? `, ${paint('CONTESTED: its run’s newest verdict blocks', 'contested')}` : ''),
    ],
    ['verdict', paint(overall ?? 'not judged')],
    ['compliance', complianceText(compliance, paint)],
    ['run', run_id],
    ['weights', artifact.digest ?? 'not hashed'],
  ];
  const tagged = Object.entries(tags).map(([name, value]) => wrap(`${name}: ${value}`, '  '));
  return [
    `${model} version ${version.version}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(13)}${value}`),
    ...section('Tags', tagged),
    ...section('Stages', version.stages.map(stageText)),
    ...section('Requests', version.requests.flatMap(requestText)),
    ...section('Refusals', refusalsText(version)),
    ...(next === null ? [] : ['', nextText(next)]),
  ].join('\n');
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines];

/** The worst of the controls, and which they are. */
function complianceText({ overall, controls }: ComplianceAnswer, paint: Paint): string {
  const word = paint(overall.replace('_', ' '));
  const open = controls.filter(({ state }) => state !== 'met' && state !== 'waived').map(({ id }) => id);
  if (open.length === 0) return `${word}, ${controls.length} controls`;
  const named = `${open.length} of ${controls.length} controls: ${open.join(', ')}`;
  return `${word}, ${wrap(named, ' '.repeat(15)).trimStart()}`;
}

const stageText = ({ at, stage, actor, since_seq, reason }: VersionAnswer['stages'][number]): string =>
  [
    `  ${shortTime(at)}  ${stage.padEnd(10)}  by ${actor}, record ${since_seq}`,
    ...(reason === null ? [] : [wrap(reason, '    ')]),
  ].join('\n');

function requestText({ id, to, outcome, actor, seq, reason, decisions }: VersionAnswer['requests'][number]): string[] {
  return [
    `  to ${to}: ${outcome}, request ${id}`,
    wrap(`asked by ${actor} in record ${seq}: ${reason}`, '    '),
    ...decisions.map((one) => {
      const what = `${one.is_given ? 'approved' : 'refused'} by ${one.actor} in record ${one.seq} (${one.meaning})`;
      return wrap(`${what}: ${one.reason}`, '    ');
    }),
  ];
}

const REFUSALS_SHOWN = 5;

function refusalsText({ refusals, refusals_total }: VersionAnswer): string[] {
  const shown = refusals.slice(-REFUSALS_SHOWN);
  const earlier = refusals_total - shown.length;
  return [
    ...(earlier > 0 ? [`  ${earlier} earlier ones: see --json`] : []),
    ...shown.flatMap(({ at, to, actor, seq, unmet }) => [
      `  ${shortTime(at)}: to ${to}, for ${actor}, record ${seq}:`,
      ...unmet.map(({ requirement, found }) => wrap(`${requirement.replaceAll('_', ' ')}: found ${found}`, '    ')),
    ]),
  ];
}

function nextText({ to, unmet }: NonNullable<VersionAnswer['next']>): string {
  return unmet.length === 0 ? `Nothing is in the way of ${to}.` : `In the way of ${to}:\n${unmetText(unmet)}`;
}
