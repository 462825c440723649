import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSdkFile } from './sdk-file.js';

const WHEEL = 'runseal-0.1.0-py3-none-any.whl';
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'runseal-sdk-file-'));
  writeFileSync(join(folder, WHEEL), 'a wheel');
  writeFileSync(join(folder, 'notes.txt'), 'not to be served');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('gives the wheel by its name', async () => {
  expect(String(await readSdkFile(folder, WHEEL))).toBe('a wheel');
});

test.each([
  'notes.txt',
  '.',
  '..',
  '',
  `../${WHEEL}`,
  `./${WHEEL}`,
  `${WHEEL}/`,
  'runseal-0.1.1-py3-none-any.whl',
  'runseal-0.1.0-py3-none-any.whl\0',
])('gives nothing by the name "%s", and says what there is', async (name) => {
  expect(await readSdkFile(folder, name)).toEqual([WHEEL]);
});

test('has nothing where nothing was built', async () => {
  expect(await readSdkFile(join(folder, 'absent'), WHEEL)).toEqual([]);
});
