import { connect } from 'node:net';
import { describeWithKafka, findKafka } from './find-kafka.js';
import { TestKafka } from './kafka-server.js';
import { waitFor } from './wait.js';

describeWithKafka('a Kafka for tests', await findKafka(), () => {
  let kafka: TestKafka;
  beforeAll(async () => {
    kafka = await TestKafka.start();
  }, 120_000);
  afterAll(() => kafka?.remove());

  const answers = () =>
    new Promise<boolean>((resolve) => {
      const [host = '', port = ''] = (kafka.brokers[0] ?? '').split(':');
      const socket = connect(Number(port), host);
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });

  it('answers where it says, is gone when killed, and is back on the same port', async () => {
    expect(await answers()).toBe(true);
    if (!kafka.isOurs) return;
    await kafka.kill();
    await waitFor('its end', async () => !(await answers()));
    await kafka.restart();
    expect(await answers()).toBe(true);
  }, 120_000);
});
