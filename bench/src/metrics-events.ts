import { canonicalJson, toUtf8 } from '@runseal/chain';
import type { EventToSeal } from '@runseal/ledger';
import { v7 as uuidv7 } from 'uuid';

const ATTEMPT = '019bf9da-6cbd-7781-9feb-09fd37b88593';
const OCCURRED_AT = '2026-11-24T10:00:00.000Z';
const PRODUCER = { client: 'runseal-js/0.1.0', id: '6f1c2f57-3c1e-4a53-9a53-0f5f3a1d9b10' };
const ROWS = 4;
const DISTINCT = 1_000;

/** Four rows of three values, as a trainer logs them: about 560 bytes of canonical JSON. */
export function metricsPayload(number: number): object {
  const rows = Array.from({ length: ROWS }, (_, row) => ({
    kind: 'train',
    step: 10 * (ROWS * number + row),
    n: 0,
    at: OCCURRED_AT,
    epoch: Math.round(number * ROWS + row) / 1_000,
    values: {
      loss: Math.round(1e4 * (2.1 / (1 + number / 100) + row / 7)) / 1e4,
      grad_norm: Math.round(1e4 * (1.8 + Math.sin(number + row))) / 1e4,
      learning_rate: 0.0002 - (number % DISTINCT) * 1e-7,
    },
  }));
  return { attempt: ATTEMPT, rows };
}

export const runStream = (run: number): string => `run/00000000-0000-4000-8000-${String(run).padStart(12, '0')}`;

const payloads = Array.from({ length: DISTINCT }, (_, number) => toUtf8(canonicalJson(metricsPayload(number))));

/** An event past the door, with one of a thousand payloads. */
export function metricsToSeal(number: number, stream: string): EventToSeal {
  return {
    id: uuidv7(),
    type: 'run.metrics-logged',
    version: 1,
    class: 'metrics',
    stream,
    occurred_at: OCCURRED_AT,
    producer: { ...PRODUCER, seq: number },
    payload: payloads[number % DISTINCT] ?? new Uint8Array(),
  };
}

const tails = Array.from({ length: DISTINCT }, (_, number) => {
  const rest = {
    type: 'run.metrics-logged',
    version: 1,
    occurred_at: OCCURRED_AT,
    producer: { ...PRODUCER, seq: number },
  };
  return `,${JSON.stringify({ ...rest, payload: metricsPayload(number) }).slice(1)}`;
});
let made = 0;

/** The body of a request with so many events that nobody has sent before. Cheap: the machine that is measured makes it too. */
export function requestBody(events: number, stream: string): string {
  const texts = Array.from(
    { length: events },
    () => `{"id":"${uuidv7()}","stream":"${stream}"${tails[made++ % DISTINCT] ?? ''}`,
  );
  return `{"events":[${texts.join(',')}]}`;
}
