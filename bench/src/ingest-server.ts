import { createHash } from 'node:crypto';
import { generateEd25519 } from '@runseal/chain/node';
import { limits } from '@runseal/contracts';
import { IngestModule, openIngest, REFUSAL_STATUS, type Ingest } from '@runseal/ingest';
import { readLedgerState, sealBatch, type Anchor, type Receipt, type SealRequest } from '@runseal/ledger';
import { openPool, type Pool } from '@runseal/postgres';
import { createKey, KeyAuthenticator, openLog, startService } from '@runseal/runtime';
import type { ServerMessage, ServerSettings, Way } from './http-load.js';

type Seal = (request: SealRequest) => Promise<readonly Receipt[]>;

const NAME = 'ingest';
const VERSION = 'bench';
const LEDGER = 'default';
/** As many as the service seals on. */
const SEALING_CONNECTIONS = 2;

// The service `ingest` as a process of its own. Whoever started it may change what its door does with a request that has
// come through everything before: parsed, validated, searched for secrets, made canonical.
async function serve({ databaseUrl, maintenanceDatabaseUrl, folder }: ServerSettings): Promise<void> {
  const log = { level: 'info' as const };
  const identity = { install: 'bench', ledger: LEDGER, privateKey: generateEd25519().privateKey };
  const ingestLog = openLog({ name: NAME, version: VERSION }, log);
  const ingest = await openIngest(
    { databaseUrl, maintenanceDatabaseUrl, identity, headsFolder: folder, scansForSecrets: true },
    ingestLog,
  );
  const accessPool = openPool({ url: databaseUrl, applicationName: 'bench-access', connectionsMax: 2 });
  const pool = openPool({ url: databaseUrl, applicationName: 'bench-seal', connectionsMax: SEALING_CONNECTIONS });
  const service = await startService({
    name: NAME,
    version: VERSION,
    module: IngestModule.register(ingest, ingestLog),
    host: '127.0.0.1',
    port: 0,
    managementPort: 0,
    log,
    authenticator: new KeyAuthenticator(accessPool),
    bodyLimit: limits.requestBytes,
    refusalStatus: REFUSAL_STATUS,
  });
  const { secret } = await createKey(accessPool, {
    principal: 'bench',
    kind: 'service',
    ledger: LEDGER,
    scopes: ['events:write', 'read'],
  });
  const ways = waysOf(ingest, pool);
  process.on('message', (message: ServerMessage) => {
    if (message.way === 'end') {
      void service.close().then(() => process.exit(0));
      return;
    }
    Object.assign(ingest.parts.door, { seal: ways[message.way] });
    process.send?.({ way: message.way });
  });
  process.send?.({ url: service.url, key: secret });
}

function waysOf({ parts }: Ingest, pool: Pool): Record<Way, Seal> {
  let anchor: Anchor | null = null;
  return {
    'group commit': parts.door.seal.bind(parts.door),
    'no sealing': (request) => Promise.resolve(madeUpReceipts(request)),
    'one transaction per event': async (request) => {
      anchor ??= await readAnchor(pool);
      const [outcome] = await sealBatch(pool, LEDGER, anchor, { requests: [request], sealedAt: new Date() });
      if (!outcome || !('receipts' in outcome)) throw new Error('the control was refused');
      anchor = outcome.receipts.at(-1) ?? anchor;
      return outcome.receipts;
    },
  };
}

async function readAnchor(pool: Pool): Promise<Anchor> {
  const state = await readLedgerState(pool, LEDGER);
  if (!state) throw new Error('there is no ledger to seal in');
  return { epoch: state.epoch, seq: state.size - 1, hash: state.newest_hash };
}

const hash = createHash('sha256').digest('hex');

/** As long as real ones, so that the answers are. */
const madeUpReceipts = ({ events }: SealRequest): Receipt[] =>
  events.map(({ id }) => ({
    id,
    ledger: LEDGER,
    epoch: 0,
    seq: 100_000,
    hash,
    sealed_at: new Date().toISOString(),
    duplicate: false,
  }));

process.once('disconnect', () => process.exit(1));
process.once('message', (settings: ServerSettings) => {
  serve(settings).catch((error: unknown) => {
    process.stderr.write(`the server of the bench did not start: ${String(error)}\n`);
    process.exit(1);
  });
});
