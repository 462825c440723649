import { RelayReader } from '@runseal/ingest';
import { LedgerFeed, LedgerRecordSource } from '@runseal/ledger';
import { KafkaPublisher, type KafkaOptions } from '@runseal/messaging';
import { messagesOf, openSender } from '@runseal/messaging/testing';
import { openPool } from '@runseal/postgres';

export interface RelaySettings {
  /** By the relay itself, or the same messages, made before, by kafkajs alone. */
  readonly way: 'relay' | 'alone';
  readonly databaseUrl: string;
  readonly options: KafkaOptions;
  readonly topic: string;
  readonly count: number;
}
export type RelayAnswer = 'ready';

const BATCH = 500;

// A process that is told `go`, publishes what is in the ledger, and is told `end`.
const settings = JSON.parse(process.argv[2] ?? '') as RelaySettings;
const pool = openPool({ url: settings.databaseUrl, applicationName: 'bench-relay', connectionsMax: 4 });
const { go, end } = settings.way === 'relay' ? relay(settings) : await alone(settings);
process.on('message', (message) => {
  if (message === 'go') void go();
  else void end().then(() => process.exit(0));
});
process.send?.('ready' satisfies RelayAnswer);

function relay({ databaseUrl, options, topic }: RelaySettings) {
  const publisher = new KafkaPublisher({ ...options, recordsTopic: topic });
  const relaying = new LedgerFeed({ pool, url: databaseUrl });
  let stop: (() => Promise<void>) | undefined;
  return {
    go: async () => {
      const reading = await relaying.start(new RelayReader(pool, 'default', publisher));
      stop = () => reading.stop();
    },
    end: async () => {
      await stop?.();
      await publisher.close();
      await pool.end();
    },
  };
}

async function alone({ options, topic, count }: RelaySettings) {
  const source = new LedgerRecordSource(pool);
  const messages: ReturnType<typeof messagesOf> = [];
  while (messages.length < count) messages.push(...messagesOf(await source.read('default', messages.length, 2_000)));
  const sender = await openSender(options, topic);
  return {
    go: async () => {
      for (let from = 0; from < count; from += BATCH) await sender.send(messages.slice(from, from + BATCH));
    },
    end: async () => {
      await sender.close();
      await pool.end();
    },
  };
}
