import { exportHeaderLine, exportHeadLine, exportRecordLine, parseExportLine } from './export-line.js';
import { makeLedger, type TextRecord } from './ledger.fixture.js';
import { recordJson } from './record-json.js';

describe('export lines', () => {
  it('are read back, each as its kind', () => {
    const json = recordJson(makeLedger(1)[0] as TextRecord);
    expect(parseExportLine(exportHeaderLine('default'))).toEqual({ kind: 'header', ledger: 'default' });
    expect(parseExportLine(exportRecordLine(json))).toEqual({ kind: 'record', record: json });
    expect(parseExportLine(exportHeadLine('text\n\n— a AAAA\n'))).toEqual({ kind: 'head', note: 'text\n\n— a AAAA\n' });
  });

  it.each(['', '{', 'null', '1', '[]', '{}', '{"format":"runseal.export.v2","ledger":"default"}', '{"head":null}'])(
    'are refused as %p',
    (text) => expect(() => parseExportLine(text)).toThrow(TypeError),
  );
});
