import type { EnvelopeProducer, PayloadState, RetentionClass } from '@runseal/chain';
import type { EventPayload, EventType } from '@runseal/contracts';
import type { Connection } from '@runseal/postgres';

/** What a record says beside its type and payload. */
export interface RecordFacts {
  readonly seq: number;
  readonly epoch: number;
  /** 64 hex digits. */
  readonly hash: string;
  readonly stream: string;
  /** The version under which it was sealed; the payload is of the current one. */
  readonly version: number;
  /** Opaque id of a principal. */
  readonly actor: string;
  readonly class: RetentionClass;
  /** As submitted: RFC 3339 with any offset; null where the source told none. */
  readonly occurred_at: string | null;
  /** `YYYY-MM-DDTHH:MM:SS.sssZ`. */
  readonly sealed_at: string;
  readonly producer: EnvelopeProducer | null;
  /** The event's id. */
  readonly id: string;
  readonly payload_state: PayloadState;
}

type RecordOf<Type extends EventType> = RecordFacts & {
  readonly type: Type;
  /** In the shape of the type's current version; null where it was pruned or erased. Parsed when it is first read. */
  readonly payload: EventPayload<Type> | null;
};

/** A verified record as a projection reads it. `switch (record.type)` narrows the payload. */
export type ProjectedRecord<Type extends EventType = EventType> = Type extends EventType ? RecordOf<Type> : never;

/**
 * Read tables, and how records change them. One service has one projection. Rows must be the same whatever the sizes of the
 * batches, live and in a rebuild: so no clock, no random, no identity column or sequence, and nothing kept between two calls.
 */
export interface Projection {
  /** Names role, schema and reader: `lineage` keeps its tables in `lineage_v1` and builds them anew in `lineage_v1_build`. */
  readonly service: string;
  /** Counts from 1. Tables or rows that would come out otherwise are a new version: tables of a version never migrate. */
  readonly version: number;
  /**
   * A file of `create table` and `create index`, names unqualified. Every table has a primary key, its texts `collate "C"`, so
   * that digests are equal in every database. The name `position` is taken.
   */
  readonly ddl: URL;
  /**
   * Changes rows as consecutive records say, names unqualified, inside the transaction that also moves the position. Returns
   * how many of the records it took, the first ones, at least 1: `afterCommit` runs before the rest comes. Total over every
   * record that fits its schema; a throw rolls all back and is tried again, PoisonRecordError stops the reader.
   */
  apply(records: readonly ProjectedRecord[], connection: Connection): Promise<number>;
}

/** The schema that queries read: give it to `openPool` as `searchPath`. */
export const schemaOf = ({ service, version }: Pick<Projection, 'service' | 'version'>): string =>
  `${service}_v${version}`;

/** The schema beside it, empty but while a rebuild is under way. */
export const buildSchemaOf = (projection: Pick<Projection, 'service' | 'version'>): string =>
  `${schemaOf(projection)}_build`;
