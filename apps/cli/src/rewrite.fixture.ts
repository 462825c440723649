import { leafBytes, recordHash } from '@runseal/chain';
import { sha256 } from '@runseal/chain/node';
import type { Pool } from '@runseal/postgres';

interface Row {
  seq: number;
  stream_prev: number | null;
  payload_digest: Buffer;
  envelope: Buffer;
}

/** Recomputes every prev_hash and hash from a seq on, as somebody who knows the format and owns the database would. */
export async function recomputeChain(superuser: Pool, from: number): Promise<void> {
  const before = await superuser.query<{ hash: Buffer }>('select hash from ledger.records where seq = $1', [from - 1]);
  let hash: Uint8Array = before.rows[0]?.hash ?? new Uint8Array(32);
  const { rows } = await superuser.query<Row>(
    'select seq, stream_prev, payload_digest, envelope from ledger.records where seq >= $1 order by seq',
    [from],
  );
  for (const { seq, stream_prev, payload_digest, envelope } of rows) {
    const prevHash = hash;
    const leaf = { seq, streamPrev: stream_prev, prevHash, payloadDigest: payload_digest, envelope };
    hash = recordHash(sha256, leafBytes(leaf));
    await superuser.query('update ledger.records set prev_hash = $2, hash = $3 where seq = $1', [seq, prevHash, hash]);
  }
  await superuser.query('update ledger.ledgers set newest_hash = $1', [hash]);
}
