// Writes vectors/*.json: for new vectors only, since a changed one is a changed format. The sources are TypeScript whose
// relative imports end in .js, as the build wants it; Node strips the types by itself but needs telling where the files are.
import { mkdirSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const sources = new URL('src/', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    next(context.parentURL?.startsWith(sources) ? specifier.replace(/^(\..*)\.js$/, '$1.ts') : specifier, context),
});

const { makeVectors } = await import('./src/vectors.fixture.ts');
mkdirSync(new URL('vectors/', import.meta.url), { recursive: true });
for (const [name, text] of makeVectors()) writeFileSync(new URL(`vectors/${name}`, import.meta.url), text);
