import { createHash } from 'node:crypto';
import { DEFAULT_POLICY } from './default-policy.js';
import { parsePolicy, readNormalised } from './parse-policy.js';
import type { Gate } from './policy.js';
import { PolicyError, type PolicyFault } from './yaml-source.js';

const gateOf = (text: string, id: string): Gate | undefined =>
  parsePolicy(text).policy.gates.find((gate) => gate.id === id);

function faultsOf(text: string): readonly PolicyFault[] {
  try {
    parsePolicy(text);
  } catch (error) {
    if (error instanceof PolicyError) return error.faults;
    throw error;
  }
  throw new Error('The policy was taken.');
}
const placesOf = (text: string) => faultsOf(text).map(({ line, column, found }) => `${line}:${column} ${found}`);

/** As it stands in the document. */
const DOCUMENT = `quality_gates:
  training_stability:
    - loss != NaN
    - loss != Inf
    - loss_decreased: true

  generalization:
    - eval_loss < train_loss * 1.2

  baseline_comparison:
    - current_metric >= baseline * 0.95

  audit_completeness:
    - all_artifacts_logged: true
    - all_hashes_computed: true
    - config_versioned: true
`;

describe('the document’s short form', () => {
  it('is taken as it stands, and is the default policy', () => {
    expect(parsePolicy(DOCUMENT).policy).toEqual(DEFAULT_POLICY);
  });

  it('carries the limits that it names', () => {
    const other = DOCUMENT.replace('* 1.2', '* 1.5').replace('* 0.95', '* 0.9');
    expect(gateOf(other, 'G3')).toMatchObject({ ratio: 1.5 });
    expect(gateOf(other, 'G4')).toMatchObject({ metric: 'eval_loss', direction: 'lower', regression: 0.1 });
  });

  it('takes a metric beside the comparison, with its direction from the registry', () => {
    const text =
      'quality_gates:\n  baseline_comparison:\n    - metric: eval_accuracy\n    - current_metric >= baseline * 0.98\n';
    expect(gateOf(text, 'G4')).toMatchObject({ metric: 'eval_accuracy', direction: 'higher', regression: 0.02 });
  });

  it('switches rules and sections off with false, and leaves out nothing that it does not mention', () => {
    expect(gateOf('quality_gates: {training_stability: [{loss_decreased: false}]}', 'G2')).toMatchObject({ off: true });
    expect(gateOf('quality_gates: {training_stability: {loss_decreased: false}}', 'G2')).toMatchObject({ off: true });
    expect(gateOf('quality_gates: {generalization: false}', 'G3')).toMatchObject({ off: true });
    expect(
      gateOf('quality_gates:\n  generalization:\n    - eval_loss < train_loss * 1.2: false\n', 'G3'),
    ).toMatchObject({ off: true });
    expect(parsePolicy('quality_gates: {generalization: false}').policy.gates.map(({ off }) => off)).toEqual([
      false,
      false,
      true,
      false,
      false,
      false,
    ]);
  });

  it.each([
    ['quality_gates: {training_stability: [{loss != NaN: false}]}', 'G1 on: it cannot be switched off'],
    ['quality_gates: {training_stability: false}', 'G1 on: it cannot be switched off'],
    ['quality_gates: {audit_completeness: [{config_versioned: false}]}', 'G6 on: it cannot be switched off'],
    ['quality_gates: {audit_completeness: false}', 'G6 on: it cannot be switched off'],
  ])('refuses %s', (text, wanted) => {
    expect(faultsOf(text).map((fault) => fault.wanted)).toContain(wanted);
  });

  it.each([
    ['an unknown section', 'quality_gates:\n  speed:\n    - fast\n', '2:3 "speed"'],
    ['an unknown key', 'quality_gates:\n  audit_completeness:\n    - all_logs_logged: true\n', '3:7 "all_logs_logged"'],
    [
      'a turned operator',
      'quality_gates:\n  generalization:\n    - eval_loss > train_loss * 1.2\n',
      '3:7 "eval_loss > train_loss * 1.2"',
    ],
    [
      'a turned comparison',
      'quality_gates:\n  baseline_comparison:\n  - current_metric <= baseline * 0.95\n',
      '3:5 "current_metric <= baseline * 0.95"',
    ],
    ['an equality for an inequality', 'quality_gates:\n  training_stability:\n  - loss == NaN\n', '3:5 "loss == NaN"'],
    [
      'a factor above 1',
      'quality_gates:\n  baseline_comparison:\n  - current_metric >= baseline * 1.05\n',
      '3:5 "current_metric >= baseline * 1.05"',
    ],
    [
      'a metric without a better side',
      'quality_gates:\n  baseline_comparison:\n  - metric: mystery\n',
      '3:13 "mystery"',
    ],
    [
      'a value that is neither true nor false',
      'quality_gates:\n  training_stability:\n  - loss_decreased: maybe\n',
      '3:21 "maybe"',
    ],
    ['both forms at once', 'quality_gates: {}\ngates: []\n', '2:1 "gates" beside "quality_gates"'],
  ])('refuses %s with line and column', (_, text, place) => {
    expect(placesOf(text)).toEqual([place]);
  });

  it('names every fault at once', () => {
    expect(placesOf('quality_gates:\n  speed: []\n  generalization:\n    - eval_loss > train_loss\n')).toEqual([
      '2:3 "speed"',
      '4:7 "eval_loss > train_loss"',
    ]);
  });
});

describe('the long form', () => {
  it('changes the six, which are always there, and adds gates behind them', () => {
    const { policy } = parsePolicy(`
overridden: admits
gates:
  - {id: margin, check: trend, metric: rewards/margins, direction: higher}
  - {id: G3, ratio: 1.5, severity: info, shadow: true}
  - {check: task_quality, tasks: {poetry: [{metric: rhyme, above: 0.5}]}}
`);
    expect(policy.overridden).toBe('admits');
    expect(policy.gates.map(({ id }) => id)).toEqual(['G1', 'G2', 'G3', 'G4', 'G5', 'G6', 'margin']);
    expect(policy.gates[2]).toEqual({ ...DEFAULT_POLICY.gates[2], ratio: 1.5, severity: 'info', shadow: true });
    expect(Object.keys((policy.gates[4] as unknown as { tasks: object }).tasks)).toContain('qa');
    expect(policy.gates[6]).toEqual({
      id: 'margin',
      check: 'trend',
      severity: 'warn',
      shadow: false,
      off: false,
      metric: 'rewards/margins',
      direction: 'higher',
      window_share: 0.1,
      window_min: 3,
      rows_min: 6,
      improvement: 0.01,
    });
  });

  it('takes every check, with what it needs', () => {
    const text = `gates:
  - {id: a, check: finite, metrics: [rewards/margins]}
  - {id: b, check: trend, metric: eval_accuracy}
  - {id: c, check: compare, metric: eval_loss, to: production, regression: 0.02}
  - {id: d, check: compare, metric: eval_loss, to: {version: 3}}
  - {id: e, check: noninferiority, metric: f1, margin: 0.02, to: {last_passed: 5}}
  - {id: f, check: complete, fields: [input_artifacts.config]}
  - {id: g, check: expression, expression: 'eval_loss < train_loss * 1.2 && metric["f1"] > 0.5'}
`;
    expect(parsePolicy(text).policy.gates.slice(6)).toMatchObject([
      { check: 'finite' },
      { direction: 'higher' },
      { to: 'production', regression: 0.02, absolute: 0.001 },
      { to: { version: 3 } },
      { margin: 0.02, alpha: 0.05, direction: 'higher', to: { last_passed: 5 } },
      { fields: ['input_artifacts.config'] },
      { check: 'expression' },
    ]);
  });

  it.each([
    ['an unknown key of a gate', 'gates:\n  - {id: G3, rato: 1.5}\n', '2:14 "rato"'],
    ['a key of another check', 'gates:\n  - {id: G1, ratio: 1.5}\n', '2:14 "ratio"'],
    ['an unknown check', 'gates:\n  - {id: x, check: guess}\n', '2:20 "guess"'],
    ['an id that is none', 'gates:\n  - {id: 1x, check: finite, metrics: [loss]}\n', '2:10 "1x"'],
    ['one of the six under another name', 'gates:\n  - {id: mine, check: stability}\n', '2:10 "mine"'],
    ['a gate twice', 'gates:\n  - {id: G3}\n  - {id: G3}\n', '3:5 G3 a second time'],
    ['G1 switched off', 'gates:\n  - {id: G1, off: true}\n', '2:5 G1 weakened'],
    ['G1 in the shadow', 'gates:\n  - {id: G1, shadow: true}\n', '2:5 G1 weakened'],
    ['G6 as a warning', 'gates:\n  - {id: G6, severity: warn}\n', '2:5 G6 weakened'],
    ['a number out of range', 'gates:\n  - {id: G4, regression: 2}\n', '2:26 2'],
    ['a number that is text', 'gates:\n  - {id: G3, ratio: "1.2"}\n', '2:21 "1.2"'],
    ['NaN for a limit', 'gates:\n  - {id: G3, ratio: .nan}\n', '2:21 NaN'],
    [
      'a metric without a direction',
      'gates:\n  - {id: x, check: compare, metric: mystery}\n',
      '2:5 no direction of mystery',
    ],
    ['a gate without what it needs', 'gates:\n  - {id: x, check: finite}\n', '2:5 no metrics'],
    [
      'a task rule with two ways',
      'gates: [{id: G5, tasks: {qa: [{metric: f1, above: 1, above_baseline: true}]}}]',
      '1:31 a mapping',
    ],
    ['an alias', 'gates:\n  - &a {id: G3}\n  - *a\n', '3:5 an alias'],
    ['a key twice', 'gates: []\ngates: []\n', '2:1 Map keys must be unique'],
    ['a second document', 'gates: []\n---\ngates: []\n', '2:1 a second document'],
    ['a tag', 'gates: !!js/function x\n', '1:8 Unresolved tag: tag:yaml.org,2002:js/function'],
    [
      'text that is no YAML',
      'gates: [',
      '1:9 Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['an unknown key at the top', 'gate: []\n', '1:1 "gate"'],
    ['nothing', '', '1:1 nothing'],
    ['a list', '- a\n', '1:1 a list'],
  ])('refuses %s with line and column', (_, text, place) => {
    expect(placesOf(text)).toContain(place);
  });

  it('refuses what is longer than 65,536 characters', () => {
    expect(placesOf(`gates: []\n${'# '.repeat(40_000)}`)[0]).toContain('characters');
  });
});

describe('the normalised form', () => {
  it('is the same for every way of writing the same policy', () => {
    const hashes = [
      DOCUMENT,
      'gates: []',
      'overridden: blocks\n',
      'gates: [{id: G3, ratio: 1.2}]',
      'gates: [{check: generalization}, {shadow: false, id: G4, metric: eval_loss, regression: 0.05}]',
    ].map((text) => createHash('sha256').update(parsePolicy(text).normalised).digest('hex'));
    expect(new Set(hashes).size).toBe(1);
  });

  it('is refused beyond 131,072 characters', () => {
    const rules = Array.from({ length: 50 }, () => '{metric: a, above: 1}').join(',');
    const tasks = Array.from({ length: 55 }, (_, index) => `t${index}: [${rules}]`).join(', ');
    expect(placesOf(`gates: [{id: G5, tasks: {${tasks}}}]`)[0]).toMatch(/^1:1 \d+ characters in the long form$/);
  });

  it.each([
    '',
    'null',
    '{}',
    '{"gates":[]}',
    '{"format":1,"gates":[]}',
    '{"format":1,"gates":[null]}',
    '[]',
    '{"format":1,"gates":[{"id":"G1"}]}',
  ])('is nothing where the text is %s', (text) => expect(readNormalised(text)).toBeNull());

  it('reads back as the policy', () => {
    const { policy, normalised } = parsePolicy(DOCUMENT);
    expect(readNormalised(normalised)).toEqual(policy);
    expect(normalised.startsWith('{"format":1,"gates":[{"check":"stability"')).toBe(true);
  });
});
