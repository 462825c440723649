import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@runseal/testing';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let child: ChildProcess | null = null;
afterEach(() => child?.kill('SIGKILL'));

function start(env: Record<string, string>): { child: ChildProcess; output: () => string } {
  let output = '';
  const started = spawn(process.execPath, [main], { env: { ...env, NODE_OPTIONS: '' } });
  for (const stream of [started.stdout, started.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  child = started;
  return { child: started, output: () => output };
}

it('serves the page as built, and ends at SIGTERM', async () => {
  const { child: running, output } = start({ PORT: '0', MANAGEMENT_PORT: '0' });
  const url = await waitFor('the address', () => /"url":"([^"]+)"/.exec(output())?.[1]);
  const page = await (await fetch(url)).text();
  const [script] = /\/assets\/[^"]+\.js/.exec(page) ?? [];
  expect((await fetch(url + script)).status).toBe(200);
  running.kill('SIGTERM');
  expect(await once(running, 'exit')).toEqual([0, null]);
});

it('names every fault of its environment, and does not start', async () => {
  const { child: running, output } = start({ PORT: 'many', INGEST_URL: 'nowhere', RUNSEAL_TYPO: '1' });
  expect(await once(running, 'close')).toEqual([1, null]);
  for (const name of ['PORT', 'INGEST_URL', 'RUNSEAL_TYPO']) expect(output()).toContain(name);
});
