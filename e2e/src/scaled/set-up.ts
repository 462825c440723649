import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';

/** Runs the image's set-up script: schema, topics, signing key. Rejects with what it said. */
export async function runSetUp(repository: string, environment: Readonly<Record<string, string>>): Promise<void> {
  // In the image, Node is on the path and the script lies at the root.
  const path = [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter);
  const child = spawn('sh', [join(repository, 'deploy/docker/set-up.sh')], {
    cwd: repository,
    env: { ...environment, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (words += text));
  }
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`set-up.sh ended with exit code ${code}:\n${words}`)),
    );
  });
}
