import { fromUtf8, parseRecord, recordJson, type SealedRecord } from '@runseal/chain';
import type { IHeaders, Message } from 'kafkajs';

/** A record as a Kafka message: key = ledger, value = its JSON. Throws a TypeError where stored bytes are no text at all. */
export function formatRecordMessage(record: SealedRecord): Message & { readonly value: Buffer } {
  const envelope = textOf(record.envelope);
  const payload = record.payload === null ? null : textOf(record.payload);
  const json = recordJson({ ...record, envelope, payload });
  const { type, stream } = JSON.parse(envelope) as { type: string; stream: string };
  const headers: IHeaders = { epoch: String(record.epoch), seq: String(record.seq), type, stream, hash: json.hash };
  return { key: record.ledger, value: Buffer.from(JSON.stringify(json)), headers };
}

/** The record of a message; null where it holds none. No hash is verified here. */
export function parseRecordMessage(value: Buffer | null): SealedRecord | null {
  if (value === null) return null;
  try {
    return parseRecord(JSON.parse(value.toString()));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

const textOf = (text: string | Uint8Array): string => (typeof text === 'string' ? text : fromUtf8(text));
