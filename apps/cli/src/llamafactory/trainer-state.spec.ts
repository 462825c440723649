import { pythonJson, stateOf } from './run-folder.fixture.js';
import { parseTrainerState } from './trainer-state.js';

const parse = (text: string) => parseTrainerState(text, 'trainer_state.json');

describe('parseTrainerState', () => {
  it('keeps rows in order, kinds by their keys, and bare NaN as its name', () => {
    const text = pythonJson(
      stateOf(
        [
          { step: 1, loss: 'NaN' },
          { step: 1, eval_loss: 'NaN' },
          { step: 1, train_loss: 2.6 },
          { step: 1, eval_loss: 2 },
        ],
        1,
      ),
    );
    expect(text).toContain('"loss": NaN');
    const { rows } = parse(text);
    expect(rows.map(({ kind }) => kind)).toEqual(['train', 'eval', 'summary', 'eval']);
    expect(rows[0]?.values).toEqual({ loss: 'NaN', grad_norm: 1.5, learning_rate: 0.001 });
  });

  it('leaves a NaN inside a text alone', () => {
    expect(parse('{"log_history": [], "best_model_checkpoint": "NaN/checkpoint-7", "x": NaN}').best).toEqual({
      step: 7,
      path: 'NaN/checkpoint-7',
      metric: null,
    });
  });

  it('has the first row as it stands in the file', () => {
    expect(parse('{"log_history": [\n {"loss": 2.0, "step":1}, {"loss": 1}]}').firstRow).toBe(
      '{"loss": 2.0, "step":1}',
    );
    expect(parse('{"log_history": []}').firstRow).toBeNull();
  });

  it('tells a file that breaks off from one that is no JSON', () => {
    const text = pythonJson(stateOf([{ step: 1, loss: 2 }], 1));
    expect(() => parse(text.slice(0, -10))).toThrow(/breaks off after \d+ characters: it is half written/);
    expect(() => parse('{x}')).toThrow(/is no JSON/);
    expect(() => parse('[]')).toThrow(/holds no JSON object|is no JSON|breaks off/);
  });
});
