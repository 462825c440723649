import { readFile } from 'node:fs/promises';
import { describeEnvironment } from '@runseal/runtime';
import { ingestVariables } from './environment.js';

describe('the variables of ingest', () => {
  it('stand in docs/running-services.md as they are read', async () => {
    const page = await readFile(new URL('../../../docs/running-services.md', import.meta.url), 'utf8');
    const squeeze = (text: string) => text.replace(/[ -]*\|[ -]*/g, '|');
    expect(squeeze(page)).toContain(squeeze(describeEnvironment(ingestVariables)));
  });
});
