import { type Command } from 'commander';
import type { ModelItem, Page, VersionAnswer, VersionItem } from '@runseal/registry';
import { openServer } from '../open-server.js';
import type { Run } from '../run-cli.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';
import { cell, textTable } from '../text-table.js';
import { unmetText } from '../unmet-text.js';

interface Options extends GlobalOptions {
  readonly asOf?: string;
}

export function declare(command: Command, run: Run): void {
  command
    .argument('[model]', 'its versions; without it all models')
    .argument('[version]', 'one version: stages, approvals, and what is in its way')
    .option('--as-of <seq-or-time>', 'as it was then')
    .addHelpText('after', '\nExamples:\n  runseal models\n  runseal models support 4')
    .action(
      run((surroundings, model: string | undefined, version: string | undefined, _options: unknown, self: Command) =>
        print({ model, version }, self.optsWithGlobals(), surroundings),
      ),
    );
}

interface Asked {
  readonly model: string | undefined;
  readonly version: string | undefined;
}

async function print({ model, version }: Asked, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const server = await openServer(options, surroundings);
  const { out } = surroundings;
  const query = options.asOf === undefined ? '' : `?as_of=${encodeURIComponent(options.asOf)}`;
  const versions = model === undefined ? '' : `/${encodeURIComponent(model)}/versions`;
  const path = `/v1/models${versions}${version === undefined ? '' : `/${encodeURIComponent(version)}`}${query}`;
  const answer = await server.getJson<object>(path);
  if (options.json) printJson(out, answer);
  else if (model === undefined) printLine(out, modelsText(answer as Page<ModelItem>));
  else if (version === undefined) printLine(out, versionsText(answer as Page<VersionItem>));
  else printLine(out, versionText(answer as VersionAnswer));
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

function versionsText({ items }: Page<VersionItem>): string {
  if (items.length === 0) return 'No versions.';
  const rows = items.map((one) => [
    String(one.version),
    one.stage + (one.contested ? ', contested' : ''),
    one.overall ?? 'not judged',
    one.open_request === null ? '-' : 'waits for approvals',
    one.run_id,
    one.artifact.digest === null ? 'not hashed' : `${one.artifact.digest.slice(0, 19)}…`,
    one.stage_since.at,
  ]);
  return textTable(['VERSION', 'STAGE', 'VERDICT', 'REQUEST', 'RUN', 'WEIGHTS', 'SINCE'], rows);
}

function versionText(version: VersionAnswer): string {
  const { model, stage, contested, overall, run_id, artifact, compliance, stages, requests, next, tags } = version;
  const facts: [string, string][] = [
    ['stage', contested ? `${stage}, CONTESTED: its run’s newest verdict blocks` : stage],
    ['verdict', overall ?? 'not judged'],
    ['compliance', compliance.replace('_', ' ')],
    ['run', run_id],
    ['weights', artifact.digest ?? 'not hashed'],
    ...Object.entries(tags).map(([name, value]): [string, string] => [name, cell(value)]),
  ];
  const history = stages.map((one) => `  ${one.at}  ${one.stage.padEnd(10)}  by ${one.actor}, record ${one.since_seq}`);
  const decisions = requests.flatMap((request) => [
    `  request ${request.id} to ${request.to}: ${request.outcome}`,
    ...request.decisions.map(
      (one) => `    ${one.is_given ? 'approved' : 'refused'} by ${one.actor} (${one.meaning}), record ${one.seq}`,
    ),
  ]);
  return [
    `${model} version ${version.version}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(12)}${value}`),
    ...(history.length > 0 ? ['', 'Stages', ...history] : []),
    ...(decisions.length > 0 ? ['', 'Requests', ...decisions] : []),
    ...(next === null ? [] : ['', nextText(next)]),
  ].join('\n');
}

function nextText({ to, unmet }: NonNullable<VersionAnswer['next']>): string {
  return unmet.length === 0 ? `Nothing is in the way of ${to}.` : `In the way of ${to}:\n${unmetText(unmet)}`;
}
