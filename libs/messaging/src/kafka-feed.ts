import type { Feed, FeedReader, Reading, RecordSource } from './feed.js';
import { Intake } from './intake.js';
import { openKafka, type KafkaOptions } from './kafka-client.js';
import { KafkaReading } from './kafka-reading.js';
import { RECORDS_TOPIC } from './topics.js';

export interface KafkaFeedOptions extends KafkaOptions {
  /** The ledger, for what Kafka does not hold. */
  readonly source: RecordSource;
  readonly topic?: string;
  /** A member of the group that is silent for so long has lost its share of the work. */
  readonly session_ms?: number;
  /** How long a member may take to finish its batch when the group changes. */
  readonly rebalance_ms?: number;
  /** Also looks into the ledger this often, for what Kafka has not brought. */
  readonly patrol_ms?: number;
}

/**
 * The feed over Kafka. Readers of one name and ledger form a consumer group, and the member that has the ledger's partition reads.
 * The position is the reader's own, Kafka keeps none: whoever gets the partition first takes from the ledger all that was sealed
 * before the partition's end as it is now, and reads Kafka from that end on. So nothing is missed that a topic no longer holds or
 * does not hold yet, and a topic that is slow, gone or made again delays a reader by the patrol's interval at most.
 */
export class KafkaFeed implements Feed {
  constructor(private readonly options: KafkaFeedOptions) {}

  async start(reader: FeedReader): Promise<Reading> {
    const { source, topic = RECORDS_TOPIC } = this.options;
    const { session_ms = 10_000, rebalance_ms = 30_000, patrol_ms = 15_000 } = this.options;
    return new KafkaReading(openKafka(this.options), new Intake({ reader, source }), {
      topic,
      groupId: `runseal.${reader.name}.${reader.ledger}`,
      ledger: reader.ledger,
      session_ms,
      rebalance_ms,
      patrol_ms,
    });
  }
}
