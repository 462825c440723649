import { readFileSync } from 'node:fs';
import { DEFAULT_POLICY } from './engine/policy/default-policy.js';
import { parsePolicy } from './engine/policy/parse-policy.js';

const page = readFileSync(new URL('../../../docs/gates.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text as string);

describe('the page about gates', () => {
  it('shows policies that are taken', () => {
    const [short, long] = blocks.map((text) => parsePolicy(text).policy);
    expect(blocks).toHaveLength(2);
    expect(short?.gates[3]).toMatchObject({ metric: 'eval_accuracy', direction: 'higher', regression: 0.05 });
    expect(short?.gates.filter((_, index) => index !== 3)).toEqual(
      DEFAULT_POLICY.gates.filter((_, index) => index !== 3),
    );
    expect(long?.gates.slice(6).map(({ check }) => check)).toEqual([
      'trend',
      'finite',
      'compare',
      'compare',
      'noninferiority',
      'complete',
      'expression',
    ]);
  });
});
