// Artifacts, known by what they contain, and the ledger's own affairs.
import { defineEvent } from '../define-event.js';
import {
  asserted,
  closed,
  digest,
  finite,
  flag,
  hash,
  integer,
  list,
  matched,
  name,
  nullable,
  oneOf,
  patterns,
  slug,
  text,
  uuid,
} from '../scalars.js';

export const artifactRegistered = defineEvent({
  type: 'artifact.registered',
  version: 1,
  class: 'permanent',
  streamKind: 'artifact',
  sealedBy: 'ingest',
  purpose:
    'Somebody has seen this content: the stream’s id is its digest. Registered again, it is the same artifact, seen in another place.',
  payload: closed({
    form: nullable(oneOf(['file', 'folder'], 'whether the digest is a file’s or a folder manifest’s')),
    kind: nullable(slug('base_model, dataset, config, checkpoint, weights, training_args, report, ...')),
    name: nullable(text('what it is called there', 250)),
    location: nullable(text('path or address at which it was seen', 4096)),
    size_bytes: nullable(integer('size of all files')),
    files: nullable(
      list(
        closed({
          path: text('relative to the folder, with /', 4096),
          digest: digest('the file’s'),
          size_bytes: integer('its size'),
        }),
        'the folder’s files as its manifest has them; null: a single file, or too many to list',
        { max: 4000 },
      ),
    ),
    run: nullable(uuid('the run in whose course it was seen')),
    asserted,
  }),
});

/** How often each length occurs, and how alike the rows are: what two versions of a dataset are compared by. */
const profile = closed(
  {
    rows: nullable(integer('rows')),
    columns: list(
      closed({
        name: text('its name', 250, 0),
        type: nullable(text('string, integer, list, ...', 250)),
        missing: nullable(integer('rows that have no value in it')),
      }),
      'columns, in the order of their first row',
      { max: 1000 },
    ),
    token_lengths: nullable(
      closed(
        {
          tokenizer: nullable(text('the tokenizer that counted; null where unit is no token', 1000)),
          unit: oneOf(['tokens', 'characters', 'words'], 'what is counted'),
          edges: list(
            finite('a lower edge'),
            'lower edges of the intervals, ascending; the last one has no upper edge',
            {
              max: 256,
            },
          ),
          counts: list(integer('rows'), 'rows in each interval, one number an edge', { max: 256 }),
          min: nullable(finite('shortest row')),
          max: nullable(finite('longest row')),
          mean: nullable(finite('mean length')),
        },
        { description: 'how long the rows are' },
      ),
    ),
    duplicate_rows: nullable(integer('rows that are equal to an earlier one')),
    row_sketch: nullable(
      closed(
        {
          method: oneOf(['bottom-k-sha256'], 'how the sample was taken: the k smallest of all distinct row hashes'),
          k: integer('hashes kept at most', 1),
          hashes: list(matched(patterns.rowHash, 'first 16 hex digits of a row’s SHA-256'), 'ascending', {
            max: 16384,
          }),
        },
        { description: 'a sample of the rows that two datasets can be compared by' },
      ),
    ),
  },
  { description: 'what a dataset is like' },
);

export const artifactAssessed = defineEvent({
  type: 'artifact.assessed',
  version: 1,
  class: 'permanent',
  streamKind: 'artifact',
  sealedBy: 'ingest',
  purpose: 'Somebody has read this content and says what it is like; the newest assessment of a kind counts.',
  payload: closed({
    run: nullable(uuid('the run in whose course it was read')),
    assessor: closed(
      { name: text('the program', 250), version: nullable(text('its version', 100)) },
      { description: 'what read it' },
    ),
    kind: oneOf(['dataset', 'weights'], 'what it was read as'),
    profile: nullable(profile),
    tensors_finite: nullable(flag('of weights: whether every tensor was read and holds finite numbers only')),
    asserted,
  }),
});

const verifierKey = matched(
  patterns.verifierKey,
  'verifier key of this epoch’s heads: <install>/<ledger>/<epoch>+<key hash>+<key>',
);

export const ledgerOpened = defineEvent({
  type: 'ledger.opened',
  version: 1,
  class: 'permanent',
  streamKind: 'ledger',
  sealedBy: 'maintenance',
  purpose: 'Always the first record of a ledger: who it is and whose signature its heads carry.',
  payload: closed({
    install: name('the installation'),
    ledger: name('the ledger, as in the stream’s id'),
    epoch: integer('the epoch that begins: 0'),
    verifier_key: verifierKey,
  }),
});

export const ledgerRestored = defineEvent({
  type: 'ledger.restored',
  version: 1,
  class: 'permanent',
  streamKind: 'ledger',
  sealedBy: 'maintenance',
  purpose:
    'The ledger goes on from a backup that lacks acknowledged records: first record after the kept ones, and first of the new epoch.',
  payload: closed({
    install: name('the installation'),
    ledger: name('the ledger, as in the stream’s id'),
    epoch: integer('the new epoch: the highest in the outside store + 1', 1),
    verifier_key: verifierKey,
    old_head: closed(
      {
        epoch: integer('its epoch'),
        number: integer('its number in that epoch'),
        size: integer('records that it covers'),
        root: hash('its root'),
      },
      { description: 'the newest head in the outside store' },
    ),
    kept_size: integer('records that the backup holds'),
    lost: nullable(
      closed(
        { from: integer('first seq lost'), to: integer('last seq that the old head proves lost') },
        { description: 'null: the old head covers no more than was kept' },
      ),
    ),
    reason: text('why it was restored', 4000),
    person: matched(patterns.principal, 'principal who gave the command'),
  }),
});
