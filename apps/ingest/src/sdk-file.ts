import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The wheel of the Python client, as pip wants it named: pip refuses any other name. */
const WHEEL = /^runseal-[0-9][0-9a-z.+]{0,40}-py3-none-any\.whl$/;

/**
 * The named wheel of a folder, or which ones there are instead. Only names of wheels are ever looked for, so that nothing
 * else of the folder, or of another, can be asked for.
 */
export async function readSdkFile(folder: string, name: string): Promise<Buffer | readonly string[]> {
  const names = await readdir(folder).catch(() => []); // built without Python: there is no such folder
  const wheels = names.filter((found) => WHEEL.test(found)).sort();
  return wheels.includes(name) ? readFile(join(folder, name)) : wheels;
}
