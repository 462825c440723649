import { parseFacts } from './facts.js';
import { Settler } from './settle.js';

const parse = (text: string) => parseFacts(text, 'facts.yaml');

describe('parseFacts', () => {
  it('reads nested names, texts as they are spelled, and leaves out what is null', () => {
    const { stated } = parse(
      'git: {commit: 1234567890123456789012345678901234567890, dirty: false}\nversions: {python: 3.10}\nplatform:\n',
    );
    expect(Object.fromEntries([...stated].map(([name, { value }]) => [name, value]))).toEqual({
      'git.commit': '1234567890123456789012345678901234567890',
      'git.dirty': false,
      versions: { python: '3.10' },
    });
  });

  it.each([
    ['datset: {version: 1}', 'facts.yaml, line 1, column 1: "datset" is no name'],
    ['dataset:\n  version: 1\n  hash: x', 'facts.yaml, line 3, column 3: "dataset.hash" is no name'],
    ['dataset:\n  digest: abc', 'facts.yaml, line 2, column 11: dataset.digest is "abc", wanted sha256:'],
    ['started_at: 2026-01-26 10:30', 'facts.yaml, line 1, column 13: started_at is "2026-01-26 10:30", wanted a time'],
    ['git: main', 'facts.yaml, line 1, column 6: git is "main", wanted a mapping'],
    ['git: {dirty: "no"}', 'git.dirty is "no", wanted true or false'],
    ['seeds: {seed: -1}', 'seeds.seed is -1, wanted a whole number'],
    ['seeds: {numpy_seed: maybe}', 'wanted a whole number or derived'],
    ['tasks: [Q A]', 'tasks is a list, wanted a list of words'],
    ['git: {commit: a, commit: b}', 'line 1, column 18'],
    ['a: [', 'facts.yaml, line 1, column 5'],
    ['- 1', 'the file is a list, wanted a mapping of names'],
    ['evaluations:\n  - task: qa', 'line 2, column 5: an item of evaluations lacks metrics'],
    ['evaluations: [{metrics: [{name: f1, value: 0.8}]}]', 'an item of metrics lacks scale.from'],
    ['evaluations: [{metrics: [], scale: 1}]', '"scale" is no name'],
    ['constructor: 1', '"constructor" is no name'],
  ])('refuses %j with its place', (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  it('takes an empty file', () => expect(parse('# nothing\n').stated.size).toBe(0));
});

describe('Settler', () => {
  const settler = (text: string) => new Settler(parse(text));

  it('notes what was only stated, not what was found as well', () => {
    const own = settler('seeds: {seed: 42, data_seed: 7}');
    expect(own.settle('seeds.seed', 42, '/payload/seeds/seed')).toBe(42);
    expect(own.settle<number>('seeds.data_seed', null, '/payload/seeds/data_seed')).toBe(7);
    expect(own.asserted).toEqual(['/payload/seeds/data_seed']);
  });

  it('refuses a statement against what was found, with both and the place', () => {
    expect(() => settler('seeds:\n  seed: 43').settle('seeds.seed', 42, '/payload/seeds/seed')).toThrow(
      'facts.yaml, line 2, column 3: seeds.seed is 43, the folder says 42',
    );
    expect(() => settler('versions: {torch: 2.1}').settleMap('versions', { torch: '2.13.0' }, '')).toThrow(
      'versions.torch is 2.1, the folder says 2.13.0',
    );
  });

  it('notes each stated member of a mapping by its escaped pointer', () => {
    const own = settler('versions: {a/b: 1, torch: 2.1}');
    expect(own.settleMap('versions', { torch: '2.1' }, '/payload/versions')).toEqual({ 'a/b': '1', torch: '2.1' });
    expect(own.asserted).toEqual(['/payload/versions/a~1b']);
  });
});
