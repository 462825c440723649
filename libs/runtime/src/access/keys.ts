import { createHash, randomBytes } from 'node:crypto';
import { readMigrations, sqlState, type Migration, type Pool } from '@runseal/postgres';
import { RuntimeRefusal } from '../refusal.js';
import { SCOPE_NAMES, type ScopeName } from '../scope.js';
import type { PrincipalKind } from './caller.js';

/** The tables and functions of keys: component `access`. The services' roles must be there before. */
export const accessMigrations = (): Promise<Migration[]> =>
  readMigrations('access', new URL('../../sql/', import.meta.url));

export interface NewKey {
  /** A name for people to read; the same name and kind is the same principal. */
  readonly principal: string;
  readonly kind: PrincipalKind;
  readonly ledger: string;
  readonly scopes: readonly ScopeName[];
  readonly expires?: Date | null;
}

export interface CreatedKey {
  readonly key_id: string;
  readonly principal_id: string;
  /** `rsk_<key id>_<secret>`: what the caller sends. Kept nowhere; show it once. */
  readonly secret: string;
}

/** Makes a key of 256 random bits, stored as SHA-256. Throws the refusals `invalid_request` and `approve_is_for_persons`. */
export async function createKey(pool: Pool, key: NewKey): Promise<CreatedKey> {
  checkNewKey(key);
  const keyId = randomBase32(16);
  const secret = randomBytes(32).toString('base64url');
  const values = [`p_${randomBase32(26)}`, key.principal, key.kind, keyId, key.ledger, [...new Set(key.scopes)]];
  try {
    const result = await pool.query<{ principal_id: string }>(
      'select access.create_key($1, $2, $3, $4, $5, $6, $7, $8) as principal_id',
      [...values, hashSecret(secret), key.expires ?? null],
    );
    return { key_id: keyId, principal_id: result.rows[0]?.principal_id ?? '', secret: `rsk_${keyId}_${secret}` };
  } catch (cause) {
    if (sqlState(cause) !== '23514') throw cause;
    throw new RuntimeRefusal('invalid_request', 'The database refuses this key: check principal, ledger and scopes.', {
      cause,
    });
  }
}

export interface KeyInfo {
  readonly key_id: string;
  readonly principal_id: string;
  /** Null where it was erased. */
  readonly principal: string | null;
  readonly kind: PrincipalKind;
  readonly scopes: readonly ScopeName[];
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
}

/** The keys of a ledger by key id, revoked and expired ones included, at most `limit` after the given one. */
export async function listKeys(
  pool: Pool,
  { ledger, limit, after = '' }: { ledger: string; limit: number; after?: string },
): Promise<KeyInfo[]> {
  const result = await pool.query<KeyInfo>(
    `select k.key_id, k.principal as principal_id, p.name as principal, k.kind, k.scopes, k.created_at, k.expires_at, k.revoked_at
     from access.keys k
     join access.principals p on p.id = k.principal
     where k.ledger = $1 and k.key_id > $2
     order by k.key_id
     limit $3`,
    [ledger, after, limit],
  );
  return result.rows;
}

/** Revokes a key of this ledger; every service refuses it at most 5 s later. False: no such key, or revoked before. */
export async function revokeKey(pool: Pool, key: { key_id: string; ledger: string }): Promise<boolean> {
  const result = await pool.query<{ revoked: boolean }>('select access.revoke_key($1, $2) as revoked', [
    key.key_id,
    key.ledger,
  ]);
  return result.rows[0]?.revoked === true;
}

export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

function checkNewKey(key: NewKey): void {
  const unknown = key.scopes.find((scope) => !SCOPE_NAMES.includes(scope));
  if (unknown !== undefined || key.scopes.length === 0) {
    const wanted = `one or more of ${SCOPE_NAMES.join(', ')}`;
    const found = unknown === undefined ? 'no scope' : 'an unknown scope';
    const errors = [{ path: '/scopes', found, wanted }];
    throw new RuntimeRefusal('invalid_request', `scopes: found ${found}, wanted ${wanted}.`, { errors });
  }
  if (key.kind === 'service' && key.scopes.includes('approve')) {
    const errors = [{ path: '/scopes', found: 'approve for a service', wanted: 'approve for persons only' }];
    throw new RuntimeRefusal('approve_is_for_persons', 'Only a person can approve. Make a key of kind "person".', {
      errors,
    });
  }
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** 5 random bits a character. */
const randomBase32 = (length: number): string =>
  Array.from(randomBytes(length), (byte) => BASE32.charAt(byte & 31)).join('');
