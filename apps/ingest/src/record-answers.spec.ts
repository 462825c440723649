import { createHash } from 'node:crypto';
import type { StoredRecord } from '@runseal/ledger';
import { toRecordJson } from './record-answers.js';

const bytes = (text: string) => createHash('sha256').update(text).digest();
const stored: StoredRecord = {
  epoch: 1,
  seq: 7,
  event_id: '019bf9da-6cbb-7612-ad91-28bfd97acf8e',
  type: 'run.finished',
  stream: 'run/1',
  stream_prev: 3,
  prev_hash: bytes('prev'),
  payload_digest: bytes('payload'),
  hash: bytes('hash'),
  envelope: Buffer.from('{"id":"é"}'),
  salt: bytes('salt'),
  payload: Buffer.from('{"a":"ü"}'),
};

describe('a stored record', () => {
  it('is shown with exact texts and lower-case hex', () => {
    expect(toRecordJson('default', stored)).toEqual({
      ledger: 'default',
      epoch: 1,
      seq: 7,
      stream_prev: 3,
      prev_hash: bytes('prev').toString('hex'),
      payload_digest: bytes('payload').toString('hex'),
      hash: bytes('hash').toString('hex'),
      envelope: '{"id":"é"}',
      salt: bytes('salt').toString('hex'),
      payload: '{"a":"ü"}',
      payload_state: 'present',
    });
  });

  it.each([
    ['pruned where its salt is left', stored.salt, 'pruned'],
    ['erased where that is gone too', null, 'erased'],
  ])('without a payload is called %s', (_what, salt, state) => {
    expect(toRecordJson('default', { ...stored, salt, payload: null })).toMatchObject({
      payload: null,
      payload_state: state,
    });
  });

  it.each(['envelope', 'payload'] as const)('whose %s is no UTF-8 is shown so that verifying finds it', (member) => {
    const shown = toRecordJson('default', { ...stored, [member]: Buffer.from([0x22, 0xff, 0x22]) });
    expect(shown[member]).toBe('"\ufffd"');
  });
});
