import { Controller, Get, Header, NotFoundException, Param, Query } from '@nestjs/common';
import { formatEvidence, formatTlogProof, verifyInclusion, type Head, type RecordJson } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import { Refusal } from '@runseal/contracts';
import { readInclusionProof, readRecords, type StoredRecord } from '@runseal/ledger';
import { CurrentCaller, Scope, type Caller } from '@runseal/runtime';
import { Ingest } from './ingest.js';
import { toRecordJson } from './record-answers.js';
import { RecordsQuery, SeqParams } from './requests.js';
import { requireLedger } from './require-ledger.js';

@Controller('v1/records')
export class RecordsController {
  constructor(private readonly ingest: Ingest) {}

  /** Records in order of seq, from the one after `after` (or `cursor`) on. */
  @Get()
  @Scope('read', { verb: 'query' })
  async list(
    @Query() query: RecordsQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<{ items: RecordJson[]; next_cursor: string | null }> {
    const { ledger } = this.ingest;
    requireLedger(caller, ledger);
    const { limit, stream, type } = query;
    const records = await readRecords(this.ingest.parts.pool, {
      ledger,
      from: (query.cursor ?? query.after) + 1,
      limit,
      ...(stream === undefined ? {} : { stream }),
      ...(type === undefined ? {} : { type }),
    });
    const last = records.at(-1);
    return {
      items: records.map((record) => toRecordJson(ledger, record)),
      // A short page may have ended early by its size; only an empty one says that there is no more for now.
      next_cursor: last ? String(last.seq) : null,
    };
  }

  @Get(':seq')
  @Scope('read', { verb: 'query' })
  async show(@Param() { seq }: SeqParams, @CurrentCaller() caller: Caller): Promise<RecordJson> {
    requireLedger(caller, this.ingest.ledger);
    return toRecordJson(this.ingest.ledger, await this.find(seq));
  }

  /** The record with its path to the newest published head: verifies offline. */
  @Get(':seq/evidence')
  @Header('content-type', 'application/json; charset=utf-8')
  @Scope('read', { verb: 'query' })
  async evidence(@Param() { seq }: SeqParams, @CurrentCaller() caller: Caller): Promise<string> {
    const { parts, ledger } = this.ingest;
    requireLedger(caller, ledger);
    const record = await this.find(seq);
    const published = await parts.head.find();
    if (!published || published.head.size <= seq) {
      const size = published?.head.size ?? 0;
      throw new Refusal(
        'not_signed_yet',
        `The newest head covers ${size} records, not yet record ${seq}. Try again in 10 s.`,
      );
    }
    const path = await this.findPath(record, published.head);
    const proof = formatTlogProof({ index: seq, path, headNote: published.stored.note });
    return formatEvidence(toRecordJson(ledger, record), proof);
  }

  /** The path from a record to a head, made of a cache: returned only if it holds, else the cache is made anew. */
  private async findPath({ seq, hash: leafHash }: StoredRecord, { size, root }: Head): Promise<Uint8Array[]> {
    const { tiles, tileRepair } = this.ingest.parts;
    for (const isLast of [false, true]) {
      const path = await readInclusionProof(tiles, seq, size);
      try {
        if (path) verifyInclusion(sha256, { leafHash, index: seq, size, root, path });
        if (path) return path;
      } catch (error) {
        if (isLast) throw error;
      }
      if (!isLast) await tileRepair.repair();
    }
    throw new Error(`The tiles that lead from record ${seq} to the head of size ${size} are missing.`);
  }

  private async find(seq: number): Promise<StoredRecord> {
    const { pool } = this.ingest.parts;
    const [record] = await readRecords(pool, { ledger: this.ingest.ledger, from: seq, to: seq + 1, limit: 1 });
    if (!record) throw new NotFoundException(`There is no record ${seq}.`);
    return record;
  }
}
