import { readFileSync } from 'node:fs';
import { documentCases } from './document-cases.fixture.js';
import { answerTo, documentVectors } from './document-vectors.fixture.js';

const file = new URL('../../vectors/quality-gates.json', import.meta.url);
const namesOf = (verdict: string, id: string) =>
  documentCases
    .filter((kase) => answerTo(kase).gates.some((gate) => gate.id === id && gate.verdict === verdict))
    .map(({ name }) => name);

describe('the answers that the Python package is held to', () => {
  // `npm run vectors -w @runseal/gates` writes them anew. Other verdicts for the same inputs are another version of the engine.
  it('are what this engine says', () => {
    expect(JSON.parse(documentVectors())).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  it('hold every verdict that each gate can come to', () => {
    for (const id of ['G1', 'G2', 'G3', 'G4', 'G5', 'G6'])
      for (const verdict of ['pass', 'fail', 'missing'])
        expect([id, verdict, namesOf(verdict, id).length]).not.toContain(0);
    expect(namesOf('error', 'G4')).toEqual(['a baseline that is NaN']);
    expect(namesOf('error', 'G5')).toEqual(['task: one that nobody knows']);
    expect(new Set(documentCases.map(({ name }) => name)).size).toBe(documentCases.length);
  });

  it('pass a sound run, and block what the document’s code lets through', () => {
    const overall = (name: string) => answerTo(documentCases.find((kase) => kase.name === name) ?? raise(name)).overall;
    expect(overall('sound')).toBe('passed');
    expect(overall('rows: sound')).toBe('passed');
    expect(overall('10 % better')).toBe('passed');
    for (const name of ['twice as bad', 'final loss exactly 0', 'record: placeholders', 'no metrics'])
      expect([name, overall(name)]).toEqual([name, 'blocked']);
  });
});

function raise(name: string): never {
  throw new Error(`There is no case ${name}.`);
}
