import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

it('runs in a browser: nothing but the Node binding imports from Node, and nothing imports that', () => {
  const sources = readdirSync(import.meta.dirname).filter(
    (name) => !/\.(spec|fixture)\.ts$/.test(name) && name !== 'node.ts',
  );
  expect(sources).toContain('index.ts');
  const isBound = (name: string) =>
    /from '(node:|\.\/node\.js)|\bBuffer\.|\bprocess\./.test(readFileSync(join(import.meta.dirname, name), 'utf8'));
  expect(sources.filter(isBound)).toEqual([]);
});
