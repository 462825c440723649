import type { EventPayload, EventType } from '@runseal/contracts';

type RunEventOf<Type extends EventType> = {
  readonly seq: number;
  /** 64 hex digits. */
  readonly hash: string;
  readonly id: string;
  readonly stream: string;
  readonly type: Type;
  readonly actor: string;
  readonly occurred_at: string | null;
  readonly sealed_at: string;
  readonly producer: { readonly id: string; readonly seq: number } | null;
  /** In the shape of the type's current version; null where it was pruned or erased. */
  readonly payload: EventPayload<Type> | null;
};

/** A sealed event as the rules read it: the members of a projected record that they need. */
export type RunEvent<Type extends EventType = EventType> = Type extends EventType ? RunEventOf<Type> : never;
