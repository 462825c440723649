import { readHeadNote } from './head-note.js';

const root = Buffer.alloc(32, 0xab).toString('base64');

test('reads origin, size and root of a note', () => {
  expect(readHeadNote(`lab/default/0\n1284\n${root}\n\n— lab/default/0 AAAA\n`)).toEqual({
    origin: 'lab/default/0',
    size: 1284,
    root: 'ab'.repeat(32),
  });
});

test.each([
  '',
  `\n1\n${root}\n`,
  `lab\n01\n${root}\n`,
  `lab\n-1\n${root}\n`,
  'lab\n1\nshort\n',
  '<!doctype html>\n1\n2',
])('takes %j for no head', (note) => expect(readHeadNote(note)).toBeNull());
