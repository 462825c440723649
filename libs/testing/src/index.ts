export { describeOnEachPostgres } from './describe-postgres.js';
export { describeWithBrowser, findBrowser } from './find-browser.js';
export { describeWithKafka, findKafka, type KafkaFound } from './find-kafka.js';
export { TestKafka, type TestKafkaOptions } from './kafka-server.js';
export {
  TestServer,
  findBinaries,
  isInstalled,
  embeddedBinaries,
  canListen,
  findFreePort,
  urlAs,
  POSTGRES_VERSIONS,
  type PostgresVersion,
} from './postgres-server.js';
export { waitFor } from './wait.js';
