import type { Static, TSchema } from 'typebox';

/** Decides how long a payload must be kept; fixed by the event type. */
export type RetentionClass = 'permanent' | 'metrics' | 'telemetry' | 'logs';
export type StreamKind = 'run' | 'artifact' | 'model' | 'policy' | 'ledger';
/** Who may seal it: `ingest` is the trainers' door, `maintenance` the door's role for the ledger's own affairs. */
export type SealingRole = 'ingest' | 'gates' | 'registry' | 'maintenance';

export interface EventDefinition<Type extends string = string, Payload extends TSchema = TSchema> {
  readonly type: Type;
  readonly version: number;
  readonly class: RetentionClass;
  readonly streamKind: StreamKind;
  readonly sealedBy: SealingRole;
  /** One sentence for `docs/events.md`. */
  readonly purpose: string;
  readonly payload: Payload;
}

/** Keeps the literal type and the payload's schema, from which the TypeScript type is derived. */
export const defineEvent = <const Type extends string, Payload extends TSchema>(
  definition: EventDefinition<Type, Payload>,
): EventDefinition<Type, Payload> => definition;

export type PayloadOf<Definition> = Definition extends EventDefinition<string, infer Payload> ? Static<Payload> : never;
