// Writes vectors/quality-gates.json: for new cases only, since another verdict for the same inputs is another version of the
// engine. The sources are TypeScript whose relative imports end in .js, as the build wants it; Node strips the types by itself.
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const repository = new URL('../../', import.meta.url).href;
registerHooks({
  resolve(specifier, context, next) {
    const isOurs = context.parentURL?.startsWith(repository) && !context.parentURL.includes('/node_modules/');
    const isSource = isOurs && context.parentURL.includes('/src/');
    return next(isSource ? specifier.replace(/^(\..*)\.js$/, '$1.ts') : specifier, context);
  },
});

const { documentVectors } = await import('./src/engine/document-vectors.fixture.ts');
writeFileSync(new URL('vectors/quality-gates.json', import.meta.url), documentVectors());
