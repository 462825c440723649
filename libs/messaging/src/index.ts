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
