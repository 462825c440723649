export {
  EpochChangedError,
  PoisonRecordError,
  StaleReaderError,
  type Feed,
  type FeedReader,
  type Position,
  type Reading,
  type ReadingState,
  type RecordSource,
} from './feed.js';
export { Intake, type IntakeOptions } from './intake.js';
export { KafkaFeed, type KafkaFeedOptions } from './kafka-feed.js';
export { KafkaPublisher, type HeadToPublish, type KafkaPublisherOptions } from './kafka-publisher.js';
export type { KafkaOptions } from './kafka-client.js';
export {
  applyTopics,
  checkTopics,
  HEADS_TOPIC,
  MESSAGE_BYTES_MAX,
  RECORDS_TOPIC,
  type AppliedTopics,
  type TopicDifference,
} from './topics.js';
