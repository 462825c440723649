import { parseHead, parseRecord, recordInspector, tilePath, type SealedRecord, type Tile } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import type { HeadStore } from '@runseal/ledger';
import { readPage, readPages } from '../record-pages.js';
import type { Server } from '../server.js';
import { CliError } from '../surroundings.js';
import { sampleHeads } from './heads.js';
import { readOpening, readRestored, type Claims, type Inspected, type LedgerSource } from './ledger-source.js';

const TILES_AT_ONCE = 8;

/** A ledger as a server shows it over HTTP. */
export class ServerSource implements LedgerSource {
  private readonly log: string;
  private readonly inspect = recordInspector(sha256);

  constructor(
    private readonly server: Server,
    private readonly ledger: string,
  ) {
    this.log = `/v1/log/${encodeURIComponent(ledger)}`;
  }

  async readClaims(): Promise<Claims> {
    // Asked first and not forgiven: a server that does not answer at all leaves nothing to verify.
    const [first] = (await readPage(this.server, { after: -1, limit: 1 })).items.map(readRecord);
    const opening = readOpening(first ? textOf(first.payload) : null);
    let withheld: string | null = null;
    const ask = async <T>(what: () => Promise<T>, otherwise: T): Promise<T> => {
      try {
        return await what();
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        withheld ??= error.message;
        return otherwise;
      }
    };
    const newest = await ask(() => this.server.findText(`${this.log}/checkpoint`), null);
    const key = await ask(() => this.server.findText(`${this.log}/key`), null);
    const older = await ask(() => sampleHeads(this.headStore()), []);
    const wanted = { after: -1, stream: `ledger/${this.ledger}`, type: 'ledger.restored' };
    const restored = await ask(() => readPage(this.server, wanted), { items: [], last: -1 });
    const size = newest === null ? null : sizeOf(newest);
    return {
      ledger: this.ledger,
      log: opening.log,
      keys: key === null ? [] : [key.trim()],
      heads: newest === null ? older : [...older, newest],
      laterEpochs: restored.items
        .map(readRecord)
        .filter((record) => record !== null)
        .map((record) => readRestored(record.seq, textOf(record.payload)))
        .filter((epoch) => epoch !== null),
      withheld,
      total: size,
      tiledSize: size,
    };
  }

  async *read(): AsyncGenerator<{ records: Inspected[]; done: number }> {
    for await (const { items, last } of readPages(this.server, { after: -1 })) {
      const records = items.map(readRecord).filter((record) => record !== null);
      yield { records: records.map((record) => ({ record, inspection: this.inspect(record) })), done: last + 1 };
    }
  }

  async readTiles(tiles: readonly Tile[]): Promise<(Uint8Array | null)[]> {
    const found: (Uint8Array | null)[] = [];
    for (let at = 0; at < tiles.length; at += TILES_AT_ONCE) {
      found.push(...(await Promise.all(tiles.slice(at, at + TILES_AT_ONCE).map((tile) => this.readTile(tile)))));
    }
    return found;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async readTile(tile: Tile): Promise<Uint8Array | null> {
    try {
      return await this.server.getBytes(`${this.log}/${tilePath(tile)}`);
    } catch (error) {
      if (error instanceof CliError) return null;
      throw error;
    }
  }

  private headStore(): HeadStore {
    return {
      read: (name) => this.server.findText(`${this.log}/heads/${name}`),
      createIfAbsent: () => Promise.resolve(false), // read only
    };
  }
}

/** Null for what is no record: it is then missing in the chain. */
function readRecord(value: unknown): SealedRecord | null {
  try {
    return parseRecord(value);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function textOf(payload: string | Uint8Array | null): string | null {
  return typeof payload === 'string' ? payload : null;
}

function sizeOf(note: string): number | null {
  try {
    return parseHead(note.slice(0, note.indexOf('\n\n') + 1)).size;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
