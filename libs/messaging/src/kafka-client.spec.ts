import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { partitionOf } from './kafka-client.js';

describe('the queue of requests to a broker', () => {
  const quiet = () => undefined;
  const newQueue = () =>
    new RequestQueue({
      maxInFlightRequests: null,
      requestTimeout: 1_000,
      enforceRequestTimeout: false,
      clientId: 'test',
      broker: 'test',
      logger: { debug: quiet, warn: quiet },
    });

  it('sets no timer while nothing waits: it would lie in the past and fire for ever', () => {
    const queue = newQueue();
    queue.checkPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });

  it('still sends what waits until the broker wants requests again', async () => {
    const queue = newQueue();
    queue.throttledUntil = Date.now() + 20;
    await new Promise<void>((resolve) =>
      queue.push({ entry: { correlationId: 1 }, expectResponse: true, sendRequest: resolve }),
    );
    expect(Date.now()).toBeGreaterThanOrEqual(queue.throttledUntil);
    queue.destroy();
  });
});

it('puts a ledger into one partition, as murmur2 of the Java clients does', () => {
  // From Kafka's own UtilsTest: murmur2 of "21" is -973932308, of "foobar" -790332482; its sign bit is cleared.
  expect(partitionOf('21', 12)).toBe((-973932308 & 0x7fffffff) % 12);
  expect(partitionOf('foobar', 12)).toBe((-790332482 & 0x7fffffff) % 12);
});
