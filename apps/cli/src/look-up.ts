import { hashPath, type FileDigest } from '@runseal/sdk';
import type { ArtifactAnswer } from '@runseal/lineage';
import type { VersionAnswer } from '@runseal/registry';
import { ProblemError, type Server } from './server.js';
import { CliError, UNDETERMINED } from './surroundings.js';

/** More files of a folder nobody wants to have asked one by one. */
const FILES_MAX = 500;
const AT_ONCE = 8;

/** What a ledger knows of a file or folder. */
export interface LookedUp {
  readonly digest: string;
  readonly isFolder: boolean;
  /** Of the file or the folder as a whole; null: never seen. */
  readonly artifact: ArtifactAnswer | null;
  /** Each file of a folder that is not known as a whole; null where that was not asked, or they are too many. */
  readonly files: readonly LookedUpFile[] | null;
  /** The runs that recorded all of it: itself, or every single file of it. */
  readonly runs: readonly string[];
  /** Model versions whose weights it is, or holds. */
  readonly versions: readonly VersionAnswer[];
}

export interface LookedUpFile extends FileDigest {
  readonly artifact: ArtifactAnswer | null;
}

/**
 * Hashes a path and asks the server for it. A folder that nobody recorded as one, as an import does not with its output
 * folder, is asked for file by file: it is known where one run recorded all of them. Throws where it cannot be read.
 */
export async function lookUp(server: Server, path: string): Promise<LookedUp> {
  const content = await hashPath(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? `There is no file or folder ${path}.` : `${cause.message}.`;
    throw new CliError(reason, UNDETERMINED, { cause });
  });
  const artifact = await findArtifact(server, content.digest);
  const asks = artifact === null && content.files !== null && content.files.length <= FILES_MAX;
  const files = asks ? await findFiles(server, content.files ?? []) : null;
  const found = artifact ? [artifact] : (files ?? []).flatMap((file) => file.artifact ?? []);
  return {
    digest: content.digest,
    isFolder: content.form === 'folder',
    artifact,
    files,
    runs: artifact ? runsOf(artifact) : runsOfAll(files ?? []),
    versions: await findVersions(server, found),
  };
}

const runsOf = ({ made_by, used_by }: ArtifactAnswer): string[] => [
  ...new Set([...made_by, ...used_by].map(({ run_id }) => run_id)),
];

function runsOfAll(files: readonly LookedUpFile[]): string[] {
  const [first, ...others] = files.map(({ artifact }) => (artifact ? runsOf(artifact) : []));
  return (first ?? []).filter((run) => others.every((runs) => runs.includes(run)));
}

async function findFiles(server: Server, files: readonly FileDigest[]): Promise<LookedUpFile[]> {
  const sorted = [...files].sort((left, right) => (left.path < right.path ? -1 : 1));
  const found: LookedUpFile[] = [];
  for (let from = 0; from < sorted.length; from += AT_ONCE) {
    const some = sorted.slice(from, from + AT_ONCE);
    found.push(
      ...(await Promise.all(
        some.map(async (file) => ({ ...file, artifact: await findArtifact(server, file.digest) })),
      )),
    );
  }
  return found;
}

const findArtifact = (server: Server, digest: string): Promise<ArtifactAnswer | null> =>
  server.getJson<ArtifactAnswer>(`/v1/artifacts/${encodeURIComponent(digest)}`).catch(notThere);

async function findVersions(server: Server, artifacts: readonly ArtifactAnswer[]): Promise<VersionAnswer[]> {
  const names = artifacts.flatMap(({ model_versions }) =>
    model_versions.map(({ name, version }) => ({ name, version })),
  );
  const paths = names.map(({ name, version }) => `/v1/models/${encodeURIComponent(name)}/versions/${version}`);
  const asked = [...new Set(paths)].map((path) => server.getJson<VersionAnswer>(path).catch(notThere));
  return (await Promise.all(asked)).filter((version) => version !== null);
}

function notThere(error: unknown): null {
  if (error instanceof ProblemError && error.status === 404) return null;
  throw error;
}
