import { existsSync } from 'node:fs';

// Jest's own, not imported: this library is also loaded where no Jest runs.
declare const describe: {
  (title: string, body: () => void): void;
  skip(title: string, body: () => void): void;
};
declare const it: (title: string, body: () => void) => void;

/** Where distributions put a Chromium. */
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const MISSING = 'there is no Chromium here (apt-get install chromium, or name one by CHROMIUM_PATH)';

/** The program of a Chromium: the one that CHROMIUM_PATH names, else this machine's; null where there is none. */
export function findBrowser(): string | null {
  return process.env['CHROMIUM_PATH'] || (PLACES.find((path) => existsSync(path)) ?? null);
}

/**
 * A suite that needs a browser; it gets the program's path. Where there is none it shows as skipped with the reason in its
 * title; in CI that is a failure.
 */
export function describeWithBrowser(title: string, body: (program: string) => void): void {
  const program = findBrowser();
  if (program !== null) return describe(title, () => body(program));
  if (process.env['CI'] !== 'true') {
    return describe.skip(`${title}: skipped, ${MISSING}`, () => it('runs where there is one', () => undefined));
  }
  describe(title, () =>
    it('has a browser in CI', () => {
      throw new Error(MISSING);
    }),
  );
}
