import type { Position } from '@runseal/messaging';
import type { Connection, Pool } from '@runseal/postgres';

/** The position that a schema's tables stand at; null before their first record. */
export async function readPosition(database: Pool | Connection, schema: string): Promise<Position | null> {
  const result = await database.query<PositionRow>(`select epoch, seq, hash from "${schema}"."position"`);
  return positionOf(result.rows[0]);
}

/** As `readPosition`, and nobody else moves it until the transaction ends. */
export async function lockPosition(connection: Connection, schema: string): Promise<Position | null> {
  const result = await connection.query<PositionRow>(`select epoch, seq, hash from "${schema}"."position" for update`);
  return positionOf(result.rows[0]);
}

export async function movePosition(connection: Connection, schema: string, to: Position): Promise<void> {
  await connection.query(`update "${schema}"."position" set epoch = $1, seq = $2, hash = $3`, [
    to.epoch,
    to.seq,
    to.hash,
  ]);
}

export const isSamePosition = (one: Position | null, other: Position | null): boolean =>
  one?.epoch === other?.epoch && one?.seq === other?.seq && one?.hash === other?.hash;

interface PositionRow {
  readonly epoch: number | null;
  readonly seq: number | null;
  readonly hash: string | null;
}

function positionOf(row: PositionRow | undefined): Position | null {
  if (!row) throw new Error('The row of the position is missing.');
  const { epoch, seq, hash } = row;
  return epoch === null || seq === null || hash === null ? null : { epoch, seq, hash };
}
