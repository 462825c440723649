export {
  TestServer,
  findBinaries,
  embeddedBinaries,
  findFreePort,
  urlAs,
  POSTGRES_VERSIONS,
  type PostgresVersion,
} from './postgres-server.js';
export { waitFor } from './wait.js';
