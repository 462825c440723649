import { makeLedger, type TextRecord } from './ledger.fixture.js';
import { parseRecord, recordJson } from './record-json.js';

const record = makeLedger(5)[4] as TextRecord;
const json = recordJson(record);

describe('record JSON', () => {
  it('is read back, through text', () => {
    expect(parseRecord(JSON.parse(JSON.stringify(json)))).toEqual(record);
    const erased: TextRecord = { ...record, salt: null, payload: null, streamPrev: null, payloadState: 'erased' };
    expect(parseRecord(recordJson(erased))).toEqual(erased);
  });

  it('has exactly the members that others rely on', () => {
    expect(Object.keys(json).join()).toBe(
      'ledger,epoch,seq,stream_prev,prev_hash,payload_digest,hash,envelope,salt,payload,payload_state',
    );
  });

  it.each(Object.keys(json))('is refused without %s, or with a list there', (member) => {
    const { [member as keyof typeof json]: _, ...rest } = json;
    expect(() => parseRecord(rest)).toThrow(TypeError);
    expect(() => parseRecord({ ...json, [member]: [] })).toThrow(TypeError);
  });

  it.each([
    { seq: 2 ** 53 },
    { seq: -1 },
    { epoch: 0.5 },
    { hash: 'ab' },
    { hash: json.hash.toUpperCase() },
    { salt: 'a' },
  ])('is refused with %p', (change) => expect(() => parseRecord({ ...json, ...change })).toThrow(TypeError));

  it.each([null, 'x', 1, undefined])('is refused as %p', (value) =>
    expect(() => parseRecord(value)).toThrow(TypeError),
  );
});
