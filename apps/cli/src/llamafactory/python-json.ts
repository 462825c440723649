import { refuse } from './refuse.js';

/**
 * Reads what Python's json.dumps writes: JSON in which NaN, Infinity and -Infinity may stand bare; they become strings of the
 * same name. Throws a SyntaxError on anything else.
 */
export function parsePythonJson(text: string): unknown {
  return JSON.parse(/NaN|Infinity/.test(text) ? quoteNonFinite(text) : text);
}

/** The object in a whole file. Refuses, with the file's name, one that breaks off and one that is no JSON object. */
export function parseJsonFile(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parsePythonJson(text);
  } catch (cause) {
    if (!text.trimEnd().endsWith('}')) {
      refuse(
        `${file} breaks off after ${text.length} characters: it is half written or half copied. Import the folder when it is ` +
          'complete; where the trainer died while writing this file, move the file away.',
      );
    }
    refuse(`${file} is no JSON (${(cause as Error).message}). Wanted the file as the trainer wrote it.`);
  }
  if (!isObject(value)) refuse(`${file} holds no JSON object. Wanted the file as the trainer wrote it.`);
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Strings are matched first, so that a NaN inside one stays as it is. */
function quoteNonFinite(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (found) =>
    found.startsWith('"') ? found : `"${found}"`,
  );
}
