import {
  openEpoch,
  openLedger,
  SealingDoor,
  type NewEpoch,
  type OpenLedgerOptions,
  type Receipt,
  type SealingDoorOptions,
} from '@runseal/ledger';

export interface DoorOptions extends Pick<SealingDoorOptions, 'pool' | 'ledger' | 'onState' | 'retry_ms'> {
  readonly opening: OpenLedgerOptions;
}

/** The one door that opens the ledger itself, where it is new, and new epochs of it. */
export class Door extends SealingDoor {
  private readonly opening: OpenLedgerOptions;

  constructor({ opening, ...options }: DoorOptions) {
    super({ ...options, store: opening.store, open: () => openLedger(opening) });
    this.opening = opening;
  }

  /** Opens a new epoch on a database that was set back, and goes on sealing in it. Only on a person's command. */
  async openEpoch(epoch: NewEpoch): Promise<Receipt> {
    const receipt = await openEpoch(this.opening, epoch);
    this.admit(receipt);
    return receipt;
  }
}
