import { toUtf8 } from './bytes.js';
import { recordInspector } from './inspect.js';
import { makeLedger, reseal, type TextRecord } from './ledger.fixture.js';
import { sha256 } from './node.js';
import type { SealedRecord } from './record-json.js';

const record = makeLedger(3)[2] as TextRecord;

/** What is found of a changed record right after the sound one, whose bytes are then still in the reused buffer. */
function inspectAfterSound(sound: TextRecord, change: Partial<SealedRecord>) {
  const inspect = recordInspector(sha256);
  expect(inspect(sound)).toMatchObject({ isContentIntact: true, payload: 'verified' });
  return inspect({ ...sound, ...change });
}

describe('recordInspector', () => {
  it('gives the hash, stream and class of a sound record, read as text or as bytes', () => {
    const { stream } = JSON.parse(record.envelope) as { stream: string };
    const found = recordInspector(sha256)(record);
    expect(found).toMatchObject({ hash: record.hash, isContentIntact: true, stream, class: 'permanent', seq: 2 });
    const bytes = { envelope: toUtf8(record.envelope), payload: toUtf8(record.payload as string) };
    expect(inspectAfterSound(record, bytes)).toEqual(found);
  });

  it('does not complete a cut value with what the record before left behind', () => {
    expect(inspectAfterSound(record, { salt: (record.salt as Uint8Array).slice(0, 31) }).payload).toBe(
      'payload_mismatch',
    );
    for (const member of ['prevHash', 'payloadDigest'] as const) {
      const cut = inspectAfterSound(record, { [member]: record[member].slice(0, 31) });
      expect([cut.isContentIntact, cut.hash]).toEqual([false, new Uint8Array(32)]);
    }
  });

  it('does not take a lone surrogate for the character that UTF-8 puts in its place', () => {
    const payload = reseal({ ...record, payload: '"\ufffd"' }, undefined, []);
    expect(inspectAfterSound(payload, { payload: '"\ud800"' }).payload).toBe('payload_mismatch');
    const envelope = reseal({ ...record, envelope: record.envelope.replace('p_a', '\ufffd') }, undefined, []);
    const changed = envelope.envelope.replace('\ufffd', '\ud800');
    expect(inspectAfterSound(envelope, { envelope: changed }).isContentIntact).toBe(false);
  });

  it('does not accept an envelope that was sealed in another form than the canonical one', () => {
    const spaced = reseal({ ...record, envelope: record.envelope.replace(':', ': ') }, undefined, []);
    expect(recordInspector(sha256)(spaced)).toMatchObject({ hash: spaced.hash, isContentIntact: false, stream: null });
  });

  it('shows what a payload that is gone is said to be', () => {
    const erased = { payload: null, salt: null, payloadState: 'erased' as const };
    expect(inspectAfterSound(record, erased)).toMatchObject({ payload: 'absent', payloadState: 'erased' });
  });
});
