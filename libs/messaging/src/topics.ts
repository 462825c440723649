import { setTimeout as wait } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { createTopics } from './create-topics.js';
import { openKafka, type KafkaOptions } from './kafka-client.js';

/** Sealed records: key = ledger, so that a ledger lies in one partition in order of seq; value = the record as JSON. */
export const RECORDS_TOPIC = 'runseal.records.v1';
/** Signed heads: key = ledger, value = the note. */
export const HEADS_TOPIC = 'runseal.heads.v1';

/** The largest message that the topics take: a record at every limit, with its JSON escapes, fits. */
export const MESSAGE_BYTES_MAX = 2 * 1024 * 1024;

const PARTITIONS = 12;
/** kafkajs' name for it is none that Node finds when it imports it. */
const RESOURCE_TOPIC = 2;
const REPLICAS_WANTED = 3;
const LOOKS = 20;
const LOOK_AGAIN_MS = 100;
const SETTINGS = {
  'cleanup.policy': 'delete',
  'retention.ms': String(7 * 24 * 60 * 60 * 1_000),
  'max.message.bytes': String(MESSAGE_BYTES_MAX),
} as const;

export interface TopicDifference {
  readonly topic: string;
  /** `topic` where it is missing, `partitions`, or the name of a setting. */
  readonly what: string;
  readonly found: string;
  readonly wanted: string;
  /** Whether `applyTopics` mends it: partitions are never changed in place, keys would go elsewhere from then on. */
  readonly canApply: boolean;
}

export interface AppliedTopics {
  readonly created: readonly string[];
  readonly mended: readonly TopicDifference[];
  /** What differs still. */
  readonly left: readonly TopicDifference[];
}

/** What differs between the brokers' topics and the wanted ones; empty where all is well. Changes nothing. */
export function checkTopics(options: KafkaOptions): Promise<TopicDifference[]> {
  return withAdmin(options, findDifferences);
}

/**
 * Makes the topics that are missing, with three replicas where there are three brokers, and mends their settings. Idempotent; two
 * at once are no harm. Never changes the number of partitions and never deletes: what it leaves, it says.
 */
export function applyTopics(options: KafkaOptions): Promise<AppliedTopics> {
  return withAdmin(options, async (admin) => {
    const differences = (await findDifferences(admin)).filter(({ canApply }) => canApply);
    const missing = differences.filter(({ what }) => what === 'topic').map(({ topic }) => topic);
    const { brokers } = await admin.describeCluster();
    const topics = missing.map((topic) => ({
      topic,
      numPartitions: PARTITIONS,
      replicationFactor: Math.min(REPLICAS_WANTED, brokers.length),
      configEntries: Object.entries(SETTINGS).map(([name, value]) => ({ name, value })),
    }));
    const isNew = await createTopics(admin, topics);
    const mended = differences.filter(({ what }) => what !== 'topic');
    for (const topic of new Set(mended.map((difference) => difference.topic)))
      await changeSettings(admin, topic, SETTINGS);
    return { created: isNew ? missing : [], mended, left: await findLeft(admin) };
  });
}

/** A broker learns of a change a moment after the controller has made it. */
async function findLeft(admin: Admin): Promise<TopicDifference[]> {
  for (let looks = 1; ; looks++) {
    const left = await findDifferences(admin);
    if (looks === LOOKS || left.every(({ canApply }) => !canApply)) return left;
    await wait(LOOK_AGAIN_MS);
  }
}

async function findDifferences(admin: Admin): Promise<TopicDifference[]> {
  const present = await admin.listTopics();
  const differences: TopicDifference[] = [];
  for (const topic of [RECORDS_TOPIC, HEADS_TOPIC]) {
    if (!present.includes(topic)) {
      differences.push({ topic, what: 'topic', found: 'none', wanted: `${PARTITIONS} partitions`, canApply: true });
      continue;
    }
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics[0]?.partitions.length ?? 0;
    if (partitions !== PARTITIONS) {
      const wanted = String(PARTITIONS);
      differences.push({ topic, what: 'partitions', found: String(partitions), wanted, canApply: false });
    }
    const found = await readSettings(admin, topic);
    for (const [what, wanted] of Object.entries(SETTINGS)) {
      const value = found.find(({ name }) => name === what)?.value ?? 'none';
      if (value !== wanted) differences.push({ topic, what, found: value, wanted, canApply: true });
    }
  }
  return differences;
}

interface Setting {
  readonly name: string;
  readonly value: string;
  readonly isOwn: boolean;
}

const TOPIC_CONFIG = 1;

export async function readSettings(admin: Admin, topic: string): Promise<Setting[]> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: RESOURCE_TOPIC, name: topic }],
  });
  return (resources[0]?.configEntries ?? []).map(({ configName, configValue, configSource }) => ({
    name: configName,
    value: configValue,
    isOwn: configSource === TOPIC_CONFIG,
  }));
}

/** The call replaces all settings of a topic, so those that are not changed go along. */
export async function changeSettings(
  admin: Admin,
  topic: string,
  changed: Readonly<Record<string, string>>,
): Promise<void> {
  const others = (await readSettings(admin, topic)).filter(({ name, isOwn }) => isOwn && !Object.hasOwn(changed, name));
  const settings = [...others, ...Object.entries(changed).map(([name, value]) => ({ name, value }))];
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      { type: RESOURCE_TOPIC, name: topic, configEntries: settings.map(({ name, value }) => ({ name, value })) },
    ],
  });
}

async function withAdmin<T>(options: KafkaOptions, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = openKafka(options).admin({ retry: { retries: 3, initialRetryTime: 200 } });
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
