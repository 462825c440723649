import { logText } from './run-folder.fixture.js';
import { isEndRow, parseTrainerLog, secondsOf } from './trainer-log.js';

const line = (more: object) => `${JSON.stringify({ current_steps: 10, total_steps: 100, epoch: 0.1, ...more })}\n`;

describe('parseTrainerLog', () => {
  it('reads both spellings of the learning rate as one metric', () => {
    const { rows } = parseTrainerLog(line({ loss: 2, lr: 0.1 }) + line({ loss: 2, learning_rate: 0.1 }));
    expect(rows.map(({ values }) => values)).toEqual([
      { loss: 2, learning_rate: 0.1 },
      { loss: 2, learning_rate: 0.1 },
    ]);
  });

  it('reads bare NaN and Infinity as strings of that name, and a loss of exactly 0 as 0', () => {
    const text =
      '{"current_steps": 1, "loss": NaN, "grad_norm": Infinity, "reward": -Infinity}\n{"current_steps": 2, "loss": 0.0}\n';
    expect(parseTrainerLog(text).rows.map(({ values }) => values)).toEqual([
      { loss: 'NaN', grad_norm: 'Infinity', reward: '-Infinity' },
      { loss: 0 },
    ]);
  });

  it('takes token counts of 0 for a gap and a throughput that is text for a number', () => {
    const { rows } = parseTrainerLog(
      line({ loss: 1, throughput: '0.00', total_tokens: 0 }) +
        line({ loss: 1, throughput: '991.51', total_tokens: 160 }),
    );
    expect(rows[0]?.values).toEqual({ loss: 1 });
    expect(rows[1]?.values).toEqual({ loss: 1, throughput: 991.51, num_input_tokens_seen: 160 });
  });

  it('tells loss, evaluation and end rows apart', () => {
    const { rows } = parseTrainerLog(
      logText(
        [
          { step: 1, loss: 2 },
          { step: 2, eval_loss: 3 },
        ],
        2,
        { ends: true },
      ),
    );
    expect(rows.map((row) => [row.kind, isEndRow(row)])).toEqual([
      ['train', false],
      ['eval', false],
      ['train', true],
    ]);
  });

  it('leaves out a last line that breaks off, and names it', () => {
    const text = logText(
      [
        { step: 1, loss: 2 },
        { step: 2, loss: 1 },
      ],
      2,
    );
    const { rows, cutOffLine } = parseTrainerLog(text.slice(0, -20));
    expect({ rows: rows.length, cutOffLine }).toEqual({ rows: 1, cutOffLine: 2 });
  });

  it.each([
    ['{"current_steps": 1, "loss"\n{"current_steps": 2}\n', /line 1, is no JSON/],
    [line({}) + '[1]\n', /line 2, has no current_steps/],
    ['{"loss": 2}\n', /line 1, has no current_steps/],
  ])('refuses %j with its line', (text, message) => {
    expect(() => parseTrainerLog(text)).toThrow(message);
  });

  it('keeps the first row as it stands', () => {
    expect(parseTrainerLog('\n{"current_steps":  1}\n').firstLine).toBe('{"current_steps":  1}');
  });
});

test.each([
  ['0:00:32', 32],
  ['6:48:06', 24_486],
  ['1 day, 2:03:04', 93_784],
  ['12 days, 0:00:00', 1_036_800],
  ['soon', null],
  [7, null],
])('%p is %p seconds', (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});
