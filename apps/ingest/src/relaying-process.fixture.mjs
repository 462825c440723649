// A relay of its own process for relay.int.spec.ts, which dies between publishing and moving the position: it publishes one batch,
// says so, and waits to be killed. Built packages, because no Jest translates TypeScript here.
//   node relaying-process.fixture.mjs <database url> <ledger> <brokers> <topic>
import { writeSync } from 'node:fs';
import { LedgerFeed } from '@runseal/ledger';
import { KafkaPublisher } from '@runseal/messaging';
import { openPool } from '@runseal/postgres';
import { RelayReader } from '../dist/relay-reader.js';

const [, , url, ledger, brokers, recordsTopic] = process.argv;
const pool = openPool({ url, applicationName: 'relaying', connectionsMax: 2 });
const publisher = new KafkaPublisher({ brokers: brokers.split(','), recordsTopic });
const dying = {
  publishRecords: async (records) => {
    await publisher.publishRecords(records);
    writeSync(1, `published ${records.length}\n`);
    await new Promise(() => undefined);
  },
};
await new LedgerFeed({ pool, url }).start(new RelayReader(pool, ledger, dying));
