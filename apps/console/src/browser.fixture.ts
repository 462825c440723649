import { chromium, type Browser } from 'playwright-core';

/** Without the sandbox, which wants rights that containers and root lack: it opens no page but ours. */
export function openBrowser(executablePath: string): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
  return chromium.launch({ executablePath, headless: true, args });
}
