import { parseRecord } from '@runseal/chain';
import { describeWithKafka, findKafka, TestKafka, waitFor } from '@runseal/testing';
import { ConfigResourceTypes, type Admin, type KafkaMessage } from 'kafkajs';
import { createTopics } from './create-topics.js';
import { chainOf } from './chain.fixture.js';
import { openKafka } from './kafka-client.js';
import { KafkaPublisher } from './kafka-publisher.js';
import { applyTopics, checkTopics, HEADS_TOPIC, RECORDS_TOPIC } from './topics.js';

const found = await findKafka();
const ours = 'brokers' in found ? { missing: 'the topics of KAFKA_BROKERS are not for tests to delete' } : found;

describeWithKafka('topics and what is published to them', ours, () => {
  let kafka: TestKafka;
  let admin: Admin;
  const options = () => ({ brokers: kafka.brokers });

  beforeAll(async () => {
    kafka = await TestKafka.start();
    admin = openKafka(options()).admin();
    await admin.connect();
  }, 120_000);
  afterAll(async () => {
    await admin?.disconnect();
    await kafka?.remove();
  });

  const settings = async (topic: string) => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
    });
    return Object.fromEntries(
      (resources[0]?.configEntries ?? []).map((entry) => [entry.configName, entry.configValue]),
    );
  };
  const alter = (topic: string, changed: Record<string, string>) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: Object.entries(changed).map(([name, value]) => ({ name, value })),
        },
      ],
    });

  it('are found missing, are made as they should be, and are left alone the second time', async () => {
    const missing = await checkTopics(options());
    expect(missing.map(({ topic, what }) => [topic, what])).toEqual([
      [RECORDS_TOPIC, 'topic'],
      [HEADS_TOPIC, 'topic'],
    ]);
    expect(await applyTopics(options())).toEqual({ created: [RECORDS_TOPIC, HEADS_TOPIC], mended: [], left: [] });
    expect(await settings(RECORDS_TOPIC)).toMatchObject({
      'cleanup.policy': 'delete',
      'retention.ms': '604800000',
      'max.message.bytes': '2097152',
    });
    const { topics } = await admin.fetchTopicMetadata({ topics: [RECORDS_TOPIC, HEADS_TOPIC] });
    expect(topics.map(({ partitions }) => partitions.length)).toEqual([12, 12]);
    expect(await applyTopics(options())).toEqual({ created: [], mended: [], left: [] });
  });

  it('get their settings back, and keep those that somebody else made', async () => {
    await alter(RECORDS_TOPIC, {
      'cleanup.policy': 'compact',
      'max.message.bytes': '1000000',
      'segment.ms': '7200000',
    });
    const different = await waitFor('the change', async () => {
      const all = await checkTopics(options());
      return all.length === 2 && all;
    });
    expect(different).toContainEqual({
      topic: RECORDS_TOPIC,
      what: 'max.message.bytes',
      found: '1000000',
      wanted: '2097152',
      canApply: true,
    });
    expect((await applyTopics(options())).mended).toEqual(different);
    expect(await checkTopics(options())).toEqual([]);
    expect(await settings(RECORDS_TOPIC)).toMatchObject({ 'cleanup.policy': 'delete', 'segment.ms': '7200000' });
  });

  it('with another number of partitions are named, never changed in place', async () => {
    await admin.deleteTopics({ topics: [HEADS_TOPIC] });
    await createTopics(admin, [{ topic: HEADS_TOPIC, numPartitions: 3 }]);
    await applyTopics(options());
    expect((await applyTopics(options())).left).toEqual([
      { topic: HEADS_TOPIC, what: 'partitions', found: '3', wanted: '12', canApply: false },
    ]);
    const { topics } = await admin.fetchTopicMetadata({ topics: [HEADS_TOPIC] });
    expect(topics[0]?.partitions).toHaveLength(3);
  });

  it('hold records and heads as the interface says, records in order however large the call', async () => {
    const publisher = new KafkaPublisher(options());
    const records = [...chainOf(3), ...chainOf(8, { ledger: 'large', payload: JSON.stringify('"'.repeat(350_000)) })];
    await publisher.publishRecords(records);
    await publisher.publishHead({ ledger: 'default', epoch: 1, number: 7, note: 'a signed note\n' });
    await publisher.close();
    const messages = await consume(RECORDS_TOPIC, 11);
    const of = (ledger: string) => messages.filter(({ key }) => key?.toString() === ledger);
    expect(of('large').map(({ value }) => parseRecord(JSON.parse(String(value))).seq)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7,
    ]);
    const [, second] = of('default');
    expect(parseRecord(JSON.parse(String(second?.value)))).toEqual(records[1]);
    const text = Object.fromEntries(
      Object.entries(second?.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    expect(text).toEqual({
      epoch: '0',
      seq: '1',
      type: 'run.annotated',
      stream: 'run/01920000-0000-7000-8000-000000000001',
      hash: Buffer.from(records[1]?.hash ?? []).toString('hex'),
    });
    const [head] = await consume(HEADS_TOPIC, 1);
    expect([head?.key, head?.value, head?.headers?.['epoch'], head?.headers?.['number']].map(String)).toEqual([
      'default',
      'a signed note\n',
      '1',
      '7',
    ]);
  });

  it('are missed by the publisher with an error, after which it goes on', async () => {
    const publisher = new KafkaPublisher({ ...options(), recordsTopic: 'not.there' });
    await expect(publisher.publishRecords(chainOf(1))).rejects.toThrow(/topic-partition/);
    await createTopics(admin, [{ topic: 'not.there', numPartitions: 1 }]);
    await publisher.publishRecords(chainOf(2));
    expect(await consume('not.there', 2)).toHaveLength(2);
    await publisher.close();
  });

  async function consume(topic: string, count: number): Promise<KafkaMessage[]> {
    const messages: KafkaMessage[] = [];
    const consumer = openKafka(options()).consumer({ groupId: `test-${topic}`, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void messages.push(message) });
    await waitFor(`${count} messages of ${topic}`, () => messages.length >= count);
    await consumer.disconnect();
    return messages;
  }
});
