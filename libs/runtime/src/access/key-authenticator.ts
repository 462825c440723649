import { timingSafeEqual } from 'node:crypto';
import type { Pool } from '@runseal/postgres';
import type { ScopeName } from '../scope.js';
import type { Authenticator, Caller, PrincipalKind } from './caller.js';
import { hashSecret } from './keys.js';

/** A revocation is seen this much later at most. */
export const KEY_CACHE_MS = 5_000;
/** Keys remembered as known, and as many key ids remembered as unknown: guessing cannot push the known ones out. */
const CACHE_ENTRIES_MAX = 10_000;
const HEADER = /^[Bb]earer rsk_([a-z2-7]{16})_([A-Za-z0-9_-]{43})$/;

interface StoredKey {
  readonly caller: Caller;
  readonly secretHash: Buffer;
  readonly expires_ms: number;
}

/**
 * Authenticates API keys against the schema `access`. What the database says about a key id is kept for 5 s; the secret is
 * compared each time, by its SHA-256 and in constant time, and kept nowhere. Rejects where the database cannot be asked.
 */
export class KeyAuthenticator implements Authenticator {
  private readonly known = new ExpiringMap<StoredKey>(CACHE_ENTRIES_MAX, KEY_CACHE_MS);
  private readonly unknown = new ExpiringMap<true>(CACHE_ENTRIES_MAX, KEY_CACHE_MS);
  private readonly lookups = new Map<string, Promise<StoredKey | null>>();

  constructor(private readonly pool: Pool) {}

  async authenticate(authorization: string): Promise<Caller | null> {
    const [, keyId, secret] = HEADER.exec(authorization) ?? [];
    if (keyId === undefined || secret === undefined) return null;
    const key = this.known.get(keyId) ?? (await this.find(keyId));
    if (!key || !timingSafeEqual(hashSecret(secret), key.secretHash)) return null;
    return Date.now() < key.expires_ms ? key.caller : null;
  }

  async findName(principal: string): Promise<string | null> {
    const result = await this.pool.query<{ name: string | null }>(
      `select name
       from access.principals
       where id = $1`,
      [principal],
    );
    return result.rows[0]?.name ?? null;
  }

  /** One question to the database at a time for one key id, however many requests wait for the answer. */
  private find(keyId: string): Promise<StoredKey | null> {
    if (this.unknown.get(keyId)) return Promise.resolve(null);
    const running = this.lookups.get(keyId);
    if (running) return running;
    const lookup = this.lookUp(keyId).finally(() => this.lookups.delete(keyId));
    this.lookups.set(keyId, lookup);
    return lookup;
  }

  private async lookUp(keyId: string): Promise<StoredKey | null> {
    // From before the question on: a revocation right after the answer must not gain the time that the answer took.
    const asked_ms = performance.now();
    const result = await this.pool.query<KeyRow>(
      `select principal, kind, ledger, scopes, secret_sha256, expires_at
       from access.keys
       where key_id = $1 and revoked_at is null`,
      [keyId],
    );
    const row = result.rows[0];
    if (!row) {
      this.unknown.set(keyId, true, asked_ms);
      return null;
    }
    const { principal, kind, ledger, scopes } = row;
    const key = {
      caller: Object.freeze({ principal, kind, ledger, scopes, keyId }),
      secretHash: row.secret_sha256,
      expires_ms: row.expires_at?.getTime() ?? Infinity,
    };
    this.known.set(keyId, key, asked_ms);
    return key;
  }
}

interface KeyRow {
  readonly principal: string;
  readonly kind: PrincipalKind;
  readonly ledger: string;
  readonly scopes: readonly ScopeName[];
  readonly secret_sha256: Buffer;
  readonly expires_at: Date | null;
}

/** Forgets by age, and the oldest first where it is full. */
class ExpiringMap<Value> {
  private readonly entries = new Map<string, { value: Value; until_ms: number }>();

  constructor(
    private readonly entriesMax: number,
    private readonly lifetime_ms: number,
  ) {}

  get(key: string): Value | null {
    const entry = this.entries.get(key);
    if (!entry) return null;
    if (performance.now() < entry.until_ms) return entry.value;
    this.entries.delete(key);
    return null;
  }

  set(key: string, value: Value, from_ms: number): void {
    this.entries.delete(key);
    this.entries.set(key, { value, until_ms: from_ms + this.lifetime_ms });
    const oldest = this.entries.keys().next();
    if (this.entries.size > this.entriesMax && !oldest.done) this.entries.delete(oldest.value);
  }
}
