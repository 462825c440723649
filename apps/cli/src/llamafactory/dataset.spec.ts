import { join } from 'node:path';
import { describeDataset } from './dataset.js';
import { digestOf } from './read-run.js';
import { makeFolder } from './run-folder.fixture.js';

const alpaca = (text: string) => ({ instruction: 'a, "b" [c]', input: '', output: text });

async function describeFile(name: string, text: string) {
  return describeDataset(join(await makeFolder({ [name]: text }), name));
}

describe('describeDataset', () => {
  it.each<[string, string, number | null, string | null]>([
    ['a.json', JSON.stringify([alpaca('1'), alpaca('[{,}]'), alpaca('\\"')], null, 2), 3, 'alpaca'],
    ['a.json', '[]', 0, null],
    ['a.json', '[{"conversations": []}]', 1, 'sharegpt'],
    ['a.json', '{"a":\n1}', null, null],
    ['a.json', `${JSON.stringify(alpaca('1'))}\n${JSON.stringify(alpaca('2'))}\n`, 2, 'alpaca'],
    ['a.jsonl', '{"messages": []}\n\n{"messages": []}', 2, 'openai'],
    ['a.jsonl', '{"prompt": "", "chosen": ""}\n', 1, null],
    ['a.csv', 'text,label\n"one\ntwo",1\nthree,2\n', 2, null],
    ['a.parquet', 'PAR1', null, null],
  ])('counts %s: %j', async (name, text, samples, schema) => {
    expect(await describeFile(name, text)).toMatchObject({
      form: 'file',
      name,
      samples,
      schema,
      digest: digestOf(text),
    });
  });

  it('adds up the files of a folder, dataset_info.json apart', async () => {
    const folder = await makeFolder({
      'a.jsonl': '{"instruction":1}\n',
      'b.json': '[{},{}]',
      'dataset_info.json': '{}',
    });
    expect(await describeDataset(folder)).toMatchObject({ form: 'folder', samples: 3, schema: 'alpaca' });
  });

  it('refuses an array that breaks off, and what is not there', async () => {
    await expect(describeFile('a.json', '[{"instruction": "a"}, {')).rejects.toThrow(
      /breaks off inside its JSON array/,
    );
    await expect(describeDataset('/nowhere/data.json')).rejects.toThrow(/--dataset .* cannot be read/);
  });
});
