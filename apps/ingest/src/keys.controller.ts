import { Body, Controller, Delete, Get, HttpCode, NotFoundException, Param, Post, Query } from '@nestjs/common';
import {
  createKey,
  CurrentCaller,
  listKeys,
  revokeKey,
  Scope,
  type Caller,
  type CreatedKey,
  type KeyInfo,
} from '@runseal/runtime';
import { Ingest } from './ingest.js';
import { CreateKeyRequest, KeyParams, KeysQuery } from './requests.js';
import { requireLedger } from './require-ledger.js';

@Controller('v1/keys')
export class KeysController {
  constructor(private readonly ingest: Ingest) {}

  /** Makes a key for this ledger. Its secret is in this answer and nowhere else. */
  @Post()
  @HttpCode(201)
  @Scope('admin')
  create(@Body() request: CreateKeyRequest, @CurrentCaller() caller: Caller): Promise<CreatedKey> {
    requireLedger(caller, this.ingest.ledger);
    const { principal, kind, scopes, expires } = request;
    const key = { principal, kind, scopes, ledger: this.ingest.ledger, expires: expires ? new Date(expires) : null };
    return createKey(this.ingest.parts.pool, key);
  }

  @Get()
  @Scope('admin')
  async list(
    @Query() { limit, cursor }: KeysQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<{ items: KeyInfo[]; next_cursor: string | null }> {
    const { ledger, parts } = this.ingest;
    requireLedger(caller, ledger);
    const items = await listKeys(parts.pool, { ledger, limit, ...(cursor ? { after: cursor } : {}) });
    return { items, next_cursor: items.length === limit ? (items.at(-1)?.key_id ?? null) : null };
  }

  /** Every service refuses the key at most 5 s later. */
  @Delete(':id')
  @HttpCode(204)
  @Scope('admin')
  async revoke(@Param() { id }: KeyParams, @CurrentCaller() caller: Caller): Promise<void> {
    requireLedger(caller, this.ingest.ledger);
    const isRevoked = await revokeKey(this.ingest.parts.pool, { key_id: id, ledger: this.ingest.ledger });
    if (!isRevoked) throw new NotFoundException(`There is no key ${id} that could be revoked.`);
  }
}
