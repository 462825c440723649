// Lints texts as if they stood in given files: reads [{path, text}] from stdin, writes [{path, faults: [{rule, message}]}].
// A process of its own, because ESLint loads its configuration by import(), which Jest's module registry would catch.
import { ESLint } from 'eslint';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const eslint = new ESLint({ cwd: root });
const answers = [];
for (const sample of JSON.parse(await text(process.stdin))) {
  const [result] = await eslint.lintText(sample.text, { filePath: join(root, sample.path) });
  const faults = result.messages.map(({ ruleId, message }) => ({ rule: ruleId, message }));
  answers.push({ path: sample.path, faults });
}
process.stdout.write(JSON.stringify(answers));
