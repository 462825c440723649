// What can be known of the deployment's files without a container engine, as pure functions from texts to faults.
import { matchesGlob } from 'node:path';

/** A COPY of a Dockerfile: where it takes things from. */
export interface Copied {
  /** Name of the stage, null for the build context. */
  readonly from: string | null;
  readonly sources: readonly string[];
}

/** The COPY instructions, lines that go on with a backslash joined. */
export function findCopies(dockerfile: string): Copied[] {
  const lines = dockerfile.replace(/\\\n/g, ' ').split('\n');
  return lines
    .filter((line) => line.startsWith('COPY '))
    .map((line) => {
      const words = line.split(/\s+/).slice(1);
      const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length) ?? null;
      return { from, sources: words.filter((word) => !word.startsWith('--')).slice(0, -1) };
    });
}

/** The patterns of a .dockerignore that keep a file of the repository out of the build. We use none that takes back. */
export function findIgnoring(dockerignore: string, path: string): string[] {
  const steps = path.split('/');
  const above = steps.map((_, at) => steps.slice(0, at + 1).join('/'));
  const patterns = dockerignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return patterns.filter((pattern) => above.some((part) => matchesGlob(part, pattern)));
}

/** The user of the last stage, null where it is root's. */
export function findUser(dockerfile: string): string | null {
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  const users = [...last.matchAll(/^USER (\S+)$/gm)].map(([, user]) => user ?? '');
  return users.at(-1) ?? null;
}
