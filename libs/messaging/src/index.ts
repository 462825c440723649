export {
  PoisonRecordError,
  StaleReaderError,
  type Feed,
  type FeedReader,
  type Position,
  type Reading,
  type ReadingState,
  type RecordSource,
} from './feed.js';
