import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogFile } from './log-file.js';

describe('a log file', () => {
  it('keeps one file before the current one, and goes on where it ended', () => {
    const folder = mkdtempSync(join(tmpdir(), 'runseal-log-'));
    const path = join(folder, 'a.log');
    const first = new LogFile(path, 8);
    first.write('one\n');
    first.close();
    const second = new LogFile(path, 8);
    for (const line of ['two\n', 'three\n', 'four\n']) second.write(line);
    second.close();
    expect([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['one\ntwo\nthree\n', 'four\n']);
    rmSync(folder, { recursive: true });
  });
});
