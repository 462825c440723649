import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeVectors } from './vectors.fixture.js';

const folder = join(import.meta.dirname, '../vectors');

describe('golden vectors', () => {
  const made = makeVectors();

  it('are the files in vectors/, no more and no fewer', () => {
    expect(
      readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .sort(),
    ).toEqual([...made.keys()].sort());
  });

  // A difference is a broken format: other people's files depend on these bytes. `npm run vectors` is for new vectors only.
  it.each([...made.keys()])('%s is what this code computes', (name) => {
    expect(JSON.parse(made.get(name) as string)).toEqual(JSON.parse(readFileSync(join(folder, name), 'utf8')));
  });
});
