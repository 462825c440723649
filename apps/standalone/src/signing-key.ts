import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { fromBase64, toBase64 } from '@runseal/chain';
import { rememberLog, verifierKeyText, type SigningIdentity } from '@runseal/ledger';
import { readIfThere, type DataPaths } from './data-folder.js';
import { writePrivateFile } from './write-file.js';

const SEED_BYTES = 32;

interface KeyOwner {
  readonly install: string;
  readonly ledger: string;
}

/**
 * Reads the signing key, or makes it where nothing was signed yet, and then writes its verifier key to the owner's known
 * logs. In that order: a death in between makes another key at the next start, whose entry replaces the first.
 */
export async function openSigningKey(paths: DataPaths, owner: KeyOwner, knownLogs: string): Promise<SigningIdentity> {
  const text = await readIfThere(paths.signingKey);
  if (text !== null) return { ...owner, privateKey: parseSeed(text, paths.signingKey) };
  if ((await readdir(paths.heads)).length > 0) {
    throw new Error(
      `${paths.signingKey} is missing, but heads signed with it lie in ${paths.heads}. Bring it back from a copy.`,
    );
  }
  const identity: SigningIdentity = { ...owner, privateKey: randomBytes(SEED_BYTES) };
  await rememberLog(knownLogs, {
    log: `${owner.install}/${owner.ledger}`,
    keys: [verifierKeyText(identity, 0)],
    head: null,
    accepted_epoch: 0,
  });
  await writePrivateFile(paths.signingKey, `${toBase64(identity.privateKey)}\n`);
  return identity;
}

/** The message never holds what is in the file. */
function parseSeed(text: string, path: string): Uint8Array {
  let seed: Uint8Array;
  try {
    seed = fromBase64(text.trim());
  } catch {
    seed = new Uint8Array();
  }
  if (seed.length === SEED_BYTES) return seed;
  throw new Error(`${path} is damaged: wanted ${SEED_BYTES} bytes in base64. Bring it back from a copy.`);
}
