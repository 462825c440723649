import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@runseal/testing';

const script = fileURLToPath(new URL('signalled-service.fixture.mjs', import.meta.url));

/** A service in a process of its own and what it has printed. */
async function startProcess(...args: string[]): Promise<{ child: ChildProcess; url: string; printed: () => string }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (data: string) => (text += data));
  const url = await waitFor('the address', () => /^http:.*$/m.exec(text)?.[0]);
  return { child, url, printed: () => text };
}

const exitOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', (code) => resolve(code)));

describe('serveUntilSignal', () => {
  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])(
    'answers what is in flight and exits with 0 on %s',
    async (signal) => {
      const { child, url, printed } = await startProcess();
      const exit = exitOf(child);
      const answer = fetch(`${url}/slow`);
      await waitFor('the request', () => printed().includes('arrived'));
      child.kill(signal);
      expect(await (await answer).json()).toEqual({ answered: true });
      expect(await exit).toBe(0);
      expect(printed()).toContain('destroyed');
    },
    30_000,
  );

  it('exits with 1 at once on a second signal', async () => {
    const { child, printed } = await startProcess('hang');
    const exit = exitOf(child);
    child.kill('SIGTERM');
    await waitFor('the hooks', () => printed().includes('destroyed'));
    child.kill('SIGTERM');
    expect(await exit).toBe(1);
  }, 30_000);
});
