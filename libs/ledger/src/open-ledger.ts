import { openHead, toHex, toUtf8, canonicalJson } from '@runseal/chain';
import { ed25519Verify } from '@runseal/chain/node';
import { eventTypes, Refusal, type EventPayload } from '@runseal/contracts';
import type { Pool } from '@runseal/postgres';
import { v7 as uuidv7 } from 'uuid';
import { noteSigner, verifierKeyText, type HeadSigner, type SigningIdentity } from './head-signer.js';
import { findNewestAnchor, findNewestEpoch, findNewestHead, type HeadStore } from './head-store.js';
import { readLedgerState, readRecords } from './read-records.js';
import { sealBatch, type Anchor, type EventToSeal, type Receipt } from './seal-batch.js';
import { refuse } from './sealer.js';

export interface OpenLedgerOptions {
  /** Connected as the maintenance role, the only one that seals ledger events. */
  readonly maintenancePool: Pool;
  readonly store: HeadStore;
  readonly signer: HeadSigner;
  readonly identity: SigningIdentity;
  /** Principal in whose name the ledger's own events are sealed. */
  readonly actor: string;
  readonly now?: () => Date;
}

/**
 * Makes the ledger where it is new (ledger.opened, then head 0) and returns the anchor to seal on: the newest record known
 * outside the database. Refuses with head_store_empty where the database holds records and the store of heads nothing, and
 * with ledger_behind where it is the other way round. Safe to be called by several processes at once, and again.
 */
export async function openLedger(options: OpenLedgerOptions): Promise<Anchor> {
  const { maintenancePool, store, identity } = options;
  await maintenancePool.query('select ledger.create_ledger($1)', [identity.ledger]);
  const size = await readSize(options);
  const epoch = await findNewestEpoch(store);
  if (epoch === null) {
    if (size > 1) {
      throw new Refusal(
        'head_store_empty',
        `The ledger "${identity.ledger}" holds ${size} records, the store of signed heads holds none for it. Nothing is sealed ` +
          `until the heads are brought back: they prove that the database is the one that was signed.`,
      );
    }
    if (size === 0) await sealOpening(options);
    await options.signer.signNewest();
  } else if (size === 0) {
    throw new Refusal(
      'ledger_behind',
      `The ledger "${identity.ledger}" is empty, but signed heads of it exist up to epoch ${epoch}. Restore the database, or ` +
        `open a new epoch.`,
    );
  }
  const anchor = await findNewestAnchor(store);
  if (!anchor) throw new Error('No head was published over the first record.');
  return anchor;
}

async function sealOpening(options: OpenLedgerOptions): Promise<void> {
  const { install, ledger } = options.identity;
  const opened: EventPayload<'ledger.opened'> = {
    install,
    ledger,
    epoch: 0,
    verifier_key: verifierKeyText(options.identity, 0),
  };
  try {
    await sealLedgerEvent(options, null, 'ledger.opened', opened);
  } catch (error) {
    // Another process opened it in between: then there is a first record, and nothing is left to do.
    if (!(await readSize(options))) throw error;
  }
}

export interface NewEpoch {
  /** Why the database was set back. */
  readonly reason: string;
  /** Principal who gave the command. */
  readonly person: string;
}

/**
 * Opens the next epoch on a restored database that lacks acknowledged records: seals ledger.restored, which names what was
 * lost, as its first record after the kept ones, and publishes head 0 of the epoch. Only on a person's explicit command.
 */
export async function openEpoch(options: OpenLedgerOptions, { reason, person }: NewEpoch): Promise<Receipt> {
  const { maintenancePool, store, identity } = options;
  const newestEpoch = await findNewestEpoch(store);
  const stored = newestEpoch === null ? null : await findNewestHead(store, newestEpoch);
  if (newestEpoch === null || !stored) {
    throw new Refusal(
      'head_store_empty',
      'The store of signed heads is empty: what a new epoch would replace is not known.',
    );
  }
  const state = await readLedgerState(maintenancePool, identity.ledger);
  if (!state || state.size === 0) {
    throw new Refusal('ledger_behind', 'The database holds no record of this ledger: restore a copy of it first.');
  }
  const old = openHead(ed25519Verify, stored.note, [noteSigner(identity, stored.epoch).key]);
  const epoch = newestEpoch + 1;
  const restored: EventPayload<'ledger.restored'> = {
    install: identity.install,
    ledger: identity.ledger,
    epoch,
    verifier_key: verifierKeyText(identity, epoch),
    old_head: { epoch: stored.epoch, number: stored.number, size: old.size, root: toHex(old.root) },
    kept_size: state.size,
    lost: old.size > state.size ? { from: state.size, to: old.size - 1 } : null,
    reason,
    person,
  };
  const [newest] = await readRecords(maintenancePool, { ledger: identity.ledger, from: state.size - 1, limit: 1 });
  if (!newest)
    throw new Error(`Record ${state.size - 1}, the newest by the head row, is missing: run "runseal verify".`);
  const anchor: Anchor = { epoch: newest.epoch, seq: newest.seq, hash: newest.hash.toString('hex') };
  const receipt = await sealLedgerEvent(options, anchor, 'ledger.restored', restored);
  await options.signer.signNewest();
  return receipt;
}

async function sealLedgerEvent<Type extends 'ledger.opened' | 'ledger.restored'>(
  options: OpenLedgerOptions,
  anchor: Anchor | null,
  type: Type,
  payload: EventPayload<Type>,
): Promise<Receipt> {
  const { maintenancePool, identity, actor, now = () => new Date() } = options;
  const sealedAt = now();
  const event: EventToSeal = {
    id: uuidv7(),
    type,
    version: eventTypes[type].version,
    class: eventTypes[type].class,
    stream: `ledger/${identity.ledger}`,
    occurred_at: sealedAt.toISOString(),
    producer: null,
    payload: toUtf8(canonicalJson(payload)),
  };
  const requests = [{ actor, events: [event] }];
  const [outcome] = await sealBatch(maintenancePool, identity.ledger, anchor, { requests, sealedAt });
  if (!outcome || 'refusal' in outcome) throw refuse(outcome?.refusal ?? { code: 'no_outcome' });
  const [receipt] = outcome.receipts;
  if (!receipt) throw new Error('ledger.seal gave no receipt');
  return receipt;
}

async function readSize({ maintenancePool, identity }: OpenLedgerOptions): Promise<number> {
  return (await readLedgerState(maintenancePool, identity.ledger))?.size ?? 0;
}
