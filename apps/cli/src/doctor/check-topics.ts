import { checkTopics, HEADS_TOPIC, RECORDS_TOPIC } from '@runseal/messaging';
import { parseBrokers } from '../brokers.js';
import { ok, unknown, wrong, type Finding } from './finding.js';

/** That the topics are there as they should be, their message limit among it: one too small stops the relay at a large record. */
export async function* checkTopicsOf(list: string): AsyncGenerator<Finding> {
  const brokers = parseBrokers(list);
  let differences;
  try {
    differences = await checkTopics({ brokers, clientId: 'runseal-doctor' });
  } catch (error) {
    yield unknown('kafka', (error as Error).message, 'Check --brokers, and that they run and let this machine in.');
    return;
  }
  yield ok('kafka', 'reachable');
  for (const topic of [RECORDS_TOPIC, HEADS_TOPIC]) {
    const own = differences.filter((difference) => difference.topic === topic);
    const found = own.map(({ what, found, wanted }) =>
      what === 'topic' ? 'it is missing' : `${what} is ${found}, wanted ${wanted}`,
    );
    const advice = own.every(({ canApply }) => canApply)
      ? `Run "runseal topics apply --brokers ${list}".`
      : `Delete the topic and run "runseal topics apply --brokers ${list}": readers take from the ledger what it held.`;
    yield own.length === 0
      ? ok(`topic ${topic}`, 'partitions, retention and message limit are as they should be')
      : wrong(`topic ${topic}`, found.join('; '), advice);
  }
}
