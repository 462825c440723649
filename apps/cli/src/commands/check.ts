import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import type { ArtifactAnswer } from '@runseal/lineage';
import { hashPath } from '@runseal/sdk';
import { openServer } from '../open-server.js';
import type { Run } from '../run-cli.js';
import { ProblemError } from '../server.js';
import {
  NO,
  printJson,
  printLine,
  YES,
  type ExitCode,
  type GlobalOptions,
  type Surroundings,
} from '../surroundings.js';

interface Options extends GlobalOptions {
  readonly stage?: string;
}

export function declare(command: Command, run: Run): void {
  command
    .argument('<path>', 'a file or a folder')
    .addOption(
      new Option('--stage <stage>', 'exit code 1 unless a version of it is at this stage').choices([
        'Candidate',
        'Staging',
        'Production',
      ]),
    )
    .addHelpText(
      'after',
      '\nThe question at deployment. Exit code 1 where the ledger does not know it.\n\nExample:\n  runseal check out/lora-adapter --stage Production',
    )
    .action(
      run((surroundings, path: string, _options: unknown, self: Command) =>
        check(path, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function check(path: string, options: Options, surroundings: Surroundings): Promise<ExitCode> {
  const { digest } = await hashPath(resolve(surroundings.folder, path));
  const server = await openServer(options, surroundings);
  const artifact = await server.getJson<ArtifactAnswer>(`/v1/artifacts/${encodeURIComponent(digest)}`).catch(notKnown);
  const isThere = artifact !== null && isAtStage(artifact, options.stage);
  if (options.json) printJson(surroundings.out, { path, digest, known: artifact !== null, ok: isThere, artifact });
  else printLine(surroundings.out, describe(path, digest, artifact, options.stage));
  return isThere ? YES : NO;
}

const isAtStage = (artifact: ArtifactAnswer, stage?: string) =>
  stage === undefined || artifact.model_versions.some((version) => version.stage === stage);

function notKnown(error: unknown): null {
  if (error instanceof ProblemError && error.status === 404) return null;
  throw error;
}

function describe(path: string, digest: string, artifact: ArtifactAnswer | null, stage?: string): string {
  if (artifact === null) return `${path}: UNKNOWN, this ledger has never seen ${digest}`;
  const lines = [`${path}: ${artifact.kind ?? 'artifact'} ${digest}, first seen in record ${artifact.first_seq}`];
  for (const run of artifact.made_by) {
    const through = run.through === null ? '' : `, as a file of ${run.through}`;
    lines.push(
      `  made by run ${run.name ?? run.run_id} (${run.run_id}) as ${run.role}${through}: ${run.state}, ${run.overall ?? 'not judged'}`,
    );
  }
  for (const run of artifact.used_by)
    lines.push(`  used by run ${run.name ?? run.run_id} (${run.run_id}) as ${run.role}`);
  for (const { name, version, stage: at, approvals } of artifact.model_versions) {
    const by = approvals.length === 0 ? 'no approvals' : `approved by ${approvals.map((one) => one.by).join(' and ')}`;
    lines.push(`  is model ${name} version ${version}, stage ${at}, ${by}`);
  }
  if (artifact.made_by.length === 0) lines.push('  made by no run of this ledger');
  if (!isAtStage(artifact, stage)) lines.push(`  NO: no version of it is at stage ${stage ?? ''}`);
  return lines.join('\n');
}
