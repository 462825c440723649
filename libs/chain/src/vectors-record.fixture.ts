import { crc32, decodeSpoolSegment, encodeSpoolEntry } from './spool.js';
import { canonicalJson } from './canonical-json.js';
import { ChainChecker } from './chain-checker.js';
import { concatBytes, fromUtf8, toHex, toUtf8 } from './bytes.js';
import { derivedEventInput, derivedId, importedEventInput, importedRunInput } from './derived-id.js';
import { envelopeBytes, parseEnvelope, type Envelope } from './envelope.js';
import { exportHeaderLine, exportHeadLine, exportRecordLine } from './export-line.js';
import { signHead } from './head.js';
import { makeLedger, rootOf, testSigner, type TextRecord } from './ledger.fixture.js';
import { manifestBytes } from './manifest.js';
import { sha256 } from './node.js';
import { leafBytes, payloadDigest } from './record.js';
import { recordJson, type SealedRecord } from './record-json.js';

/** Runs what must be refused and fails the making of vectors where it is not. */
export function mustRefuse(why: string, act: () => unknown): void {
  try {
    act();
  } catch {
    return; // refused, as it must be
  }
  throw new Error(`accepted: ${why}`);
}

export function canonicalVectors() {
  const texts = [
    '{"b":1,"a":{"d":[],"c":null},"":true}',
    '[333333333.33333329,1E30,4.50,2e-3,1e-27,-0,9007199254740991,0.1]',
    '{"\\u20ac":"Euro","\\r":"CR","\\ud83d\\ude00":"face","\\ufb33":"dagesh","1":"one","\\u00f6":"o"}',
    '"\\u000f\\n\\"\\\\\\/\\u2028\\u007f"',
  ];
  const refused = ['"\\ud800"', '{"\\udc00":1}'];
  for (const text of refused) mustRefuse(text, () => canonicalJson(JSON.parse(text)));
  return { canonical: texts.map((text) => ({ json: text, canonical: canonicalJson(JSON.parse(text)) })), refused };
}

export function envelopeVectors() {
  const [first, second] = makeLedger(2).map((record) => record.envelope) as [string, string];
  const bare: Envelope = { ...parseEnvelope(first), occurred_at: null, producer: null, actor: 'p_é"\n' };
  const refused = [
    { why: 'a space', text: first.replace(':', ': ') },
    { why: 'a member too many', text: first.replace('{"actor"', '{"a":1,"actor"') },
    { why: 'a member doubled', text: first.replace('{"actor"', '{"actor":"p_x","actor"') },
    { why: 'a member missing', text: first.replace(',"version":1', '') },
    { why: 'an unknown class', text: first.replace('"permanent"', '"secret"') },
    { why: 'a needless escape', text: first.replace('run.started', 'run\\u002estarted') },
    { why: 'a lone surrogate', text: first.replace('p_a', '\\ud800') },
    { why: 'a number spelled otherwise', text: first.replace('"version":1', '"version":1.0') },
    { why: 'a counter of 2^53', text: first.replace('"seq":0', '"seq":9007199254740992') },
  ];
  for (const { why, text } of refused) mustRefuse(why, () => parseEnvelope(text));
  return { valid: [first, second, fromUtf8(envelopeBytes(bare))], refused };
}

export function recordVectors() {
  const records = makeLedger(7).map((record) => ({
    record: recordJson(record),
    leaf: toHex(leafBytes({ ...record, envelope: toUtf8(record.envelope) })),
  }));
  const last = records[6]?.record;
  const { id, sealed_at } = parseEnvelope(last?.envelope ?? '');
  const refusedSalts = ['', '00'.repeat(31), '00'.repeat(33)];
  for (const salt of refusedSalts) {
    mustRefuse(`salt ${salt}`, () => payloadDigest(sha256, new Uint8Array(salt.length / 2), toUtf8('{}')));
  }
  return {
    records,
    receipt: { id, ledger: last?.ledger, epoch: 0, seq: 6, hash: last?.hash, sealed_at, duplicate: false },
    refused_salts: refusedSalts,
  };
}

export function exportVectors() {
  const signer = testSigner('lab/default/0', 1);
  const ledger = makeLedger(9);
  const head = { size: 9, root: rootOf(ledger) };
  const note = signHead({ origin: 'lab/default/0', ...head }, [signer]);
  const edit = (change: Partial<TextRecord>) => ledger.map((one) => (one.seq === 4 ? { ...one, ...change } : one));
  const envelope = (ledger[4] as TextRecord).envelope.replace('runseal-js', 'runseal-jz');
  const ledgers: [string, readonly SealedRecord[]][] = [
    ['intact', ledger],
    ['envelope edited', edit({ envelope })],
    ['payload edited', edit({ payload: '{}' })],
    ['salt edited', edit({ salt: new Uint8Array(32) })],
    ['payload deleted', edit({ payload: null })],
    ['record deleted', ledger.filter((one) => one.seq !== 4)],
    ['tail deleted', ledger.slice(0, 7)],
  ];
  return {
    head: { size: 9, root: toHex(head.root) },
    exports: ledgers.map(([what, records]) => {
      const checker = new ChainChecker(sha256, { heads: [head] });
      records.forEach((record) => checker.check(record));
      const lines = records.map((record) => exportRecordLine(recordJson(record as TextRecord)));
      return {
        what,
        lines: [exportHeaderLine('default'), ...lines, exportHeadLine(note)],
        faults: checker.finish().faults,
      };
    }),
  };
}

export function spoolVectors() {
  const bodies = ['{}', '{"note":"é"}', '[]'];
  const entries = bodies.map((body) => encodeSpoolEntry(toUtf8(body)));
  const whole = concatBytes(...entries);
  const corrupt = whole.map((byte, index) => (index === 12 ? byte ^ 1 : byte));
  const zeros = new Uint8Array(24); // what a power cut can leave behind the last entry
  const cut = [whole.subarray(0, whole.length - 9), whole.subarray(0, 13)];
  const segments = [whole, ...cut, corrupt, concatBytes(whole, zeros), new Uint8Array(0)];
  return {
    entries: bodies.map((body, index) => ({
      body,
      crc32: crc32(toUtf8(body)).toString(16).padStart(8, '0'),
      entry: toHex(entries[index] as Uint8Array),
    })),
    segments: segments.map((segment) => {
      const { bodies: read, soundLength, end } = decodeSpoolSegment(segment);
      return { segment: toHex(segment), bodies: read.map(fromUtf8), sound_length: soundLength, end };
    }),
  };
}

export function manifestVectors() {
  const entry = (path: string, text: string) => ({
    path,
    sha256: toHex(sha256(toUtf8(text))),
    size: toUtf8(text).length,
  });
  const folders = [
    [],
    [entry('b/a', 'x'), entry('a', ''), entry('B', 'y'), entry('b', 'z')],
    [
      entry('\u{1f600}', 'face'),
      entry('\uff5e', 'tilde'),
      entry('e\u0301', 'decomposed'),
      entry('\u00e9 "', 'composed'),
    ],
  ];
  const refused = ['', '/a', 'a/', 'a//b', './a', 'a/../b', '..'];
  for (const path of refused) mustRefuse(path, () => manifestBytes([entry(path, '')]));
  return {
    folders: folders.map((entries) => {
      const bytes = manifestBytes(entries);
      return { entries, manifest: fromUtf8(bytes), digest: `sha256:${toHex(sha256(bytes))}` };
    }),
    refused_paths: refused,
  };
}

export function derivedIdVectors() {
  const run = '019bf9da-6cbb-7acb-a255-12100f80b56f';
  const source = {
    type: 'run.gates-evaluated',
    stream: `run/${run}`,
    rule: 'gates',
    trigger: toHex(sha256(toUtf8('trigger'))),
    policy: toHex(sha256(toUtf8('policy'))),
    engine: '1.0.0',
    labels: {},
  };
  const digest = `sha256:${toHex(sha256(toUtf8('row')))}`;
  const inputs = [
    [2, derivedEventInput(source)],
    [2, derivedEventInput({ ...source, policy: null, labels: { metric: 'loss', é: [0.1, null] } })],
    [3, derivedEventInput({ ...source, type: 'model.version-registered', stream: 'model/support' })],
    [4, derivedEventInput(source)],
    [1, importedRunInput('p_k3f7qa7xw2mzt5hbdc4rnv6yse', digest, null)],
    [1, importedEventInput(run, 'run.metrics-logged', `run/${run}`, toHex(sha256(toUtf8('{}'))))],
  ] as const;
  return { ids: inputs.map(([role, input]) => ({ role, input, id: derivedId(role, input, sha256) })) };
}
