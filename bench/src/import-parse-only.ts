import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

// Reads the rows of a run's folder as plain JSON, and does nothing with them.
const [folder = ''] = process.argv.slice(2);
const log = await readFile(join(folder, 'trainer_log.jsonl'), 'utf8');
const rows = log.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]));
const state = JSON.parse(await readFile(join(folder, 'trainer_state.json'), 'utf8')) as { log_history: unknown[] };
process.stdout.write(`${rows.length} ${state.log_history.length}\n`);
