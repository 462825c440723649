import type { EventPayload, EventType } from '@runseal/contracts';

/** Ids that exist only once the run's is known. */
export interface Ids {
  readonly run: string;
  /** The id of the event that began an attempt, by the attempt's place. */
  readonly attempt: (index: number) => string;
}

/** An event before it has an id. */
export interface Draft<Of extends EventType = EventType> {
  readonly type: Of;
  /** The digest whose stream it goes to; else the run's. */
  readonly artifact?: string;
  readonly occurred_at: string | null;
  readonly payload: (ids: Ids) => EventPayload<Of>;
}

export function draft<Of extends EventType>(type: Of, payload: Draft<Of>['payload']): Draft {
  return { type, occurred_at: null, payload } as unknown as Draft;
}

type Registered = EventPayload<'artifact.registered'>;

/** Registers a digest, so that whoever meets it again finds this run. What is null is not known. */
export function registered(digest: string, facts: Partial<Registered>): Draft {
  const blank = { form: null, kind: null, name: null, location: null, size_bytes: null, files: null, asserted: [] };
  return {
    type: 'artifact.registered',
    artifact: digest,
    occurred_at: null,
    payload: ({ run }: Ids) => ({ ...blank, ...facts, run }),
  } as unknown as Draft;
}

/** A digest that a person stated: nobody here has seen its bytes. */
export function registeredAsStated(digest: string, kind: string, name: string | null): Draft {
  return registered(digest, { kind, name, asserted: ['/payload'] });
}

/** Lists of drafts, without those that there is nothing to say for. */
export function present<Item>(items: readonly (Item | null)[]): Item[] {
  return items.filter((item) => item !== null);
}

/** At most `length` characters: what the events' schema takes. */
export function shortened(text: string | null, length: number): string | null {
  return text === null ? null : [...text].slice(0, length).join('');
}
