import { CliError } from './surroundings.js';

/** The brokers of a list such as `kafka-1:9092,kafka-2:9092`. Throws a CliError on anything else. */
export function parseBrokers(list: string): string[] {
  const brokers = list.split(',').map((broker) => broker.trim());
  if (brokers.every((broker) => /^[^\s:]+:\d{1,5}$/.test(broker))) return brokers;
  throw new CliError(`--brokers is "${list}", wanted host:port, several of them separated by commas.`);
}
