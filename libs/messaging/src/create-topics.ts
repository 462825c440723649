import { setTimeout as wait } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';

const LOOKS_MAX = 100;
const LOOK_AGAIN_MS = 100;

/**
 * Makes topics and waits until a broker shows the leader of each partition, ten seconds at most. True where one of them is new.
 * Waiting is ours, since kafkajs takes a broker that has not heard yet of what its controller made for an error.
 */
export async function createTopics(admin: Admin, topics: ITopicConfig[]): Promise<boolean> {
  if (topics.length === 0) return false;
  const isNew = await admin.createTopics({ waitForLeaders: false, topics });
  const names = topics.map(({ topic }) => topic);
  for (let looks = 1; !(await haveLeaders(admin, names)); looks++) {
    if (looks === LOOKS_MAX) throw new Error(`The brokers show no leaders of the new topics ${names.join(', ')}.`);
    await wait(LOOK_AGAIN_MS);
  }
  return isNew;
}

async function haveLeaders(admin: Admin, names: string[]): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: names });
    return (
      topics.length === names.length && topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))
    );
  } catch (error) {
    const { type } = error as { type?: string };
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'LEADER_NOT_AVAILABLE') return false;
    throw error;
  }
}
