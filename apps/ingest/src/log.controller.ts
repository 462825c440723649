import { Body, Controller, Get, Header, HttpCode, NotFoundException, Param, Post, Req } from '@nestjs/common';
import { encodeEntryBundle, isTileOf, leafBytes, parseTilePath, TILE_WIDTH, type Tile } from '@runseal/chain';
import { readHead, readHeaders, verifierKeyText, type Receipt } from '@runseal/ledger';
import { CurrentCaller, Scope, type Caller } from '@runseal/runtime';
import type { FastifyRequest } from 'fastify';
import { Ingest } from './ingest.js';
import { HeadParams, OpenEpochRequest } from './requests.js';
import { requireLedger } from './require-ledger.js';

/** Switch that opens heads, keys and hash tiles to callers without a key. */
export const HASHES_OPEN = 'log-hashes';
/** Switch that opens the entries too. */
export const ENTRIES_OPEN = 'log-entries';

const BYTES = 'application/octet-stream';
const TEXT = 'text/plain; charset=utf-8';

/** The ledger as a C2SP tlog-tiles log, up to the newest published head. */
@Controller('v1/log/:ledger')
export class LogController {
  constructor(private readonly ingest: Ingest) {}

  @Get('checkpoint')
  @Header('content-type', TEXT)
  @Scope('read', { verb: 'query', openedBy: HASHES_OPEN })
  async checkpoint(@Param('ledger') ledger: string, @Req() request: FastifyRequest): Promise<string> {
    return (await this.publishedFor(ledger, request)).stored.note;
  }

  /** The verifier key of the newest epoch. Learned here, it proves nothing against this server: get it another way once. */
  @Get('key')
  @Header('content-type', TEXT)
  @Scope('read', { verb: 'query', openedBy: HASHES_OPEN })
  async key(@Param('ledger') ledger: string, @Req() request: FastifyRequest): Promise<string> {
    const { stored } = await this.publishedFor(ledger, request);
    return `${verifierKeyText(this.ingest.parts.identity, stored.epoch)}\n`;
  }

  /** An older head by its number. */
  @Get('heads/:epoch/:number')
  @Header('content-type', TEXT)
  @Scope('read', { verb: 'query', openedBy: HASHES_OPEN })
  async head(@Param() { ledger, epoch, number }: HeadParams, @Req() request: FastifyRequest): Promise<string> {
    await this.publishedFor(ledger, request);
    const stored = await readHead(this.ingest.parts.store, epoch, number);
    if (!stored) throw new NotFoundException(`Epoch ${epoch} has no head ${number}.`);
    return stored.note;
  }

  @Get('tile/entries/*')
  @Header('content-type', BYTES)
  @Header('cache-control', 'private, max-age=86400, immutable')
  @Scope('read', { verb: 'query', openedBy: ENTRIES_OPEN })
  async entries(
    @Param('ledger') ledger: string,
    @Param('*') place: string,
    @Req() request: FastifyRequest,
  ): Promise<Buffer> {
    const tile = await this.findTile(ledger, `tile/entries/${place}`, request);
    const first = tile.index * TILE_WIDTH;
    const records = await readHeaders(this.ingest.parts.pool, ledger, first, first + tile.width);
    if (records.length !== tile.width)
      throw new Error(`Of records ${first} to ${first + tile.width - 1} some are missing.`);
    const leaves = records.map(({ seq, stream_prev, prev_hash, payload_digest, envelope }) =>
      leafBytes({ seq, streamPrev: stream_prev, prevHash: prev_hash, payloadDigest: payload_digest, envelope }),
    );
    return Buffer.from(encodeEntryBundle(leaves));
  }

  @Get('tile/:level/*')
  @Header('content-type', BYTES)
  @Header('cache-control', 'private, max-age=86400, immutable')
  @Scope('read', { verb: 'query', openedBy: HASHES_OPEN })
  async tile(
    @Param('ledger') ledger: string,
    @Param('level') level: string,
    @Param('*') place: string,
    @Req() request: FastifyRequest,
  ): Promise<Buffer> {
    const tile = await this.findTile(ledger, `tile/${level}/${place}`, request);
    const { tiles, tileRepair } = this.ingest.parts;
    const hashes = (await tiles.read(tile)) ?? (await tileRepair.repair().then(() => tiles.read(tile)));
    if (!hashes) throw new Error(`tile/${level}/${place} is missing in the cache of tiles.`);
    return Buffer.from(hashes);
  }

  private async findTile(ledger: string, path: string, request: FastifyRequest): Promise<Tile> {
    const { head } = await this.publishedFor(ledger, request);
    const tile = parseTilePath(path);
    // A reader of an older head asks for a narrower tile than the newest head has: it is the start of that one.
    const isThere = tile !== null && (isTileOf(tile, head.size) || this.isNarrower(tile, head.size));
    if (!isThere)
      throw new NotFoundException(`The log has no ${path.slice(0, 100)} below its newest head of size ${head.size}.`);
    return tile;
  }

  private isNarrower(tile: Tile, size: number): boolean {
    const hashes = tile.level === 'entries' ? size : Math.floor(size / TILE_WIDTH ** tile.level);
    return tile.index * TILE_WIDTH + tile.width <= hashes;
  }

  private async publishedFor(ledger: string, request: FastifyRequest) {
    requireLedger(request.caller, this.ingest.ledger);
    const published = ledger === this.ingest.ledger ? await this.ingest.parts.head.find() : null;
    if (!published) throw new NotFoundException('There is no such log, or it has no head yet.');
    return published;
  }
}

@Controller('v1/ledger/epochs')
export class EpochsController {
  constructor(private readonly ingest: Ingest) {}

  /** Opens a new epoch on a database that was set back: seals what was lost and why, then goes on sealing. */
  @Post()
  @HttpCode(201)
  @Scope('admin')
  open(@Body() { reason }: OpenEpochRequest, @CurrentCaller() caller: Caller): Promise<Receipt> {
    requireLedger(caller, this.ingest.ledger);
    return this.ingest.parts.door.openEpoch({ reason, person: caller.principal });
  }
}
