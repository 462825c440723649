import { eventTypes, validateEvent, type EventPayload, type EventType, type Expectation } from '@runseal/contracts';
import { eventToSeal, type Receipt, type SealingDoor } from '@runseal/ledger';
import { v7 as uuidv7 } from 'uuid';

export interface CommandEvent<Type extends EventType> {
  readonly type: Type;
  readonly stream: string;
  readonly payload: EventPayload<Type>;
  /** The person or service who gave the command. */
  readonly actor: string;
  /** What the command relied on. */
  readonly expect: Expectation[];
}

/** Seals what a person commanded, now and in that person's name. Throws a Refusal: `version_conflict` where it came too late. */
export async function sealCommand<Type extends EventType>(
  door: Pick<SealingDoor, 'seal'>,
  { type, stream, payload, actor, expect }: CommandEvent<Type>,
): Promise<Receipt> {
  const { version } = eventTypes[type];
  const event = { id: uuidv7(), type, version, stream, occurred_at: new Date().toISOString(), producer: null, payload };
  const refusal = validateEvent(event);
  if (refusal) throw refusal;
  const [receipt] = await door.seal({ actor, events: [eventToSeal(event)], expect });
  if (!receipt) throw new Error('The door gave no receipt.');
  return receipt;
}
