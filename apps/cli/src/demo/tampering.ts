/** One way to change the demo's database: the statements of somebody who owns it, and which records they touch. */
export interface Tampering {
  readonly sql: readonly string[];
  /** Records whose rows are kept for undoing. */
  readonly from: number;
  readonly to: number;
  readonly movesHeadRow: boolean;
}

/** What a tampering is aimed at: a record with a loss in its payload, by the database's own key of the ledger. */
export interface Target {
  readonly ledger: number;
  readonly seq: number;
  readonly size: number;
}

export const actions = ['edit', 'delete', 'tail', 'swap', 'rewrite'] as const;
export type Action = (typeof actions)[number];

const TAIL_RECORDS = 3;

export const planOf: Record<Action, (target: Target) => Tampering> = {
  edit: ({ ledger, seq }) => ({ sql: [betterLoss(ledger, seq)], from: seq, to: seq + 1, movesHeadRow: false }),
  delete: ({ ledger, seq }) => ({
    sql: ['payloads', 'records'].map(
      (table) => `delete from ledger.${table} where ledger = ${ledger} and seq = ${seq};`,
    ),
    from: seq,
    to: seq + 1,
    movesHeadRow: false,
  }),
  tail: ({ ledger, size }) => {
    const from = Math.max(1, size - TAIL_RECORDS);
    const remove = (table: string) => `delete from ledger.${table} where ledger = ${ledger} and seq >= ${from};`;
    const setHead = `update ledger.ledgers l set size = ${from}, newest_hash = r.hash, epoch = r.epoch
from ledger.records r where l.ledger = ${ledger} and r.ledger = l.ledger and r.seq = ${from - 1};`;
    return { sql: [remove('payloads'), remove('records'), setHead], from, to: size, movesHeadRow: true };
  },
  swap: ({ ledger, seq }) => ({
    sql: ['records', 'payloads'].flatMap((table) => swapRows(`ledger.${table}`, ledger, seq)),
    from: seq,
    to: seq + 2,
    movesHeadRow: false,
  }),
  rewrite: ({ ledger, seq, size }) => ({
    sql: [betterLoss(ledger, seq), newDigest(ledger, seq), newChain(ledger, seq)],
    from: seq,
    to: size,
    movesHeadRow: true,
  }),
};

function betterLoss(ledger: number, seq: number): string {
  return `update ledger.payloads
set payload = convert_to(regexp_replace(convert_from(payload, 'UTF8'), '"loss":[-0-9.e+]+', '"loss":0.0001'), 'UTF8')
where ledger = ${ledger} and seq = ${seq};`;
}

function swapRows(table: string, ledger: number, seq: number): string[] {
  const move = (from: number, to: number) =>
    `update ${table} set seq = ${to} where ledger = ${ledger} and seq = ${from};`;
  return [move(seq, -1), move(seq + 1, seq), move(-1, seq + 1)];
}

function newDigest(ledger: number, seq: number): string {
  return `update ledger.records r
set payload_digest = sha256(convert_to('runseal.payload.v1', 'UTF8') || '\\x0a'::bytea || p.salt || p.payload)
from ledger.payloads p
where r.ledger = ${ledger} and r.seq = ${seq} and p.ledger = r.ledger and p.seq = r.seq;`;
}

function newChain(ledger: number, seq: number): string {
  return `do $$
declare
  r record;
  h bytea := (select hash from ledger.records where ledger = ${ledger} and seq = ${seq - 1});
  previous bytea;
begin
  for r in select * from ledger.records where ledger = ${ledger} and seq >= ${seq} order by seq loop
    previous := h;
    h := sha256('\\x00'::bytea || convert_to('runseal.record.v1', 'UTF8') || '\\x0a'::bytea || int8send(r.seq)
      || int8send(coalesce(r.stream_prev, -1)) || previous || r.payload_digest || r.envelope);
    update ledger.records set prev_hash = previous, hash = h where ledger = ${ledger} and seq = r.seq;
  end loop;
  update ledger.ledgers set newest_hash = h where ledger = ${ledger};
end $$;`;
}
