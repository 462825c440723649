import { evidenceVectors, headVectors, noteVectors, tlogProofVectors } from './vectors-note.fixture.js';
import {
  canonicalVectors,
  derivedIdVectors,
  envelopeVectors,
  exportVectors,
  manifestVectors,
  recordVectors,
  spoolVectors,
} from './vectors-record.fixture.js';
import { consistencyVectors, inclusionVectors, tileVectors, treeVectors } from './vectors-tree.fixture.js';

/** The golden vectors, file name to text. `vectors/README.md` explains them; a spec compares them with the files. */
export function makeVectors(): Map<string, string> {
  const files: [string, object][] = [
    ['canonical-json.json', canonicalVectors()],
    ['envelope.json', envelopeVectors()],
    ['record.json', recordVectors()],
    ['tree.json', treeVectors()],
    ['inclusion.json', inclusionVectors()],
    ['consistency.json', consistencyVectors()],
    ['note.json', noteVectors()],
    ['head.json', headVectors()],
    ['tile.json', tileVectors()],
    ['tlog-proof.json', tlogProofVectors()],
    ['evidence.json', evidenceVectors()],
    ['export.json', exportVectors()],
    ['spool.json', spoolVectors()],
    ['manifest.json', manifestVectors()],
    ['derived-id.json', derivedIdVectors()],
  ];
  return new Map(files.map(([name, vectors]) => [name, `${JSON.stringify(vectors, null, 1)}\n`]));
}
