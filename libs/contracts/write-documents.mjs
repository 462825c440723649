// Writes the published schemas and docs/events.md from the built definitions. Examples are never written: each is made
// by hand once and stays as it is.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { eventsPage, schemaFiles } from './dist/published.js';

const here = new URL('./', import.meta.url);
const examplesAt = new URL('examples/', here);
const examples = new Map(
  readdirSync(examplesAt).map((name) => [name, readFileSync(new URL(name, examplesAt), 'utf8')]),
);
mkdirSync(new URL('schemas/', here), { recursive: true });
for (const [name, text] of schemaFiles()) writeFileSync(new URL(`schemas/${name}`, here), text);
const docs = new URL('../../docs/', here);
mkdirSync(docs, { recursive: true });
writeFileSync(new URL('events.md', docs), eventsPage(examples));
