import { openDirectConnection, type DirectConnection } from '@runseal/postgres';

/** A leader that says nothing for so long is dead or paused, and Postgres ends its session. */
const SILENCE_MAX_S = 10;

/**
 * A session advisory lock on a connection of its own: of all processes that ask for the same name, one holds it. It is lost
 * with the connection, and Postgres frees it when the process dies or is paused, so the next one takes over by itself. One that
 * works longer than the limit without asking again may lose it unawares: what leaders do must bear two of them.
 */
export class Leader {
  private connection: DirectConnection | null = null;
  private isHeld = false;

  constructor(
    private readonly url: string,
    private readonly name: string,
  ) {}

  /** True if this process holds the lock, now or already. Never waits for another holder. Throws where Postgres is away. */
  async tryLead(): Promise<boolean> {
    const connection = (this.connection ??= await this.connect());
    if (this.isHeld) {
      await connection.query('select'); // a sign of life
    } else {
      const result = await connection.query<{ held: boolean }>(
        `select pg_try_advisory_lock(hashtextextended($1, 0)) as held`,
        [this.name],
      );
      this.isHeld = result.rows[0]?.held === true;
    }
    return this.isHeld;
  }

  async resign(): Promise<void> {
    const connection = this.connection;
    this.forget();
    await connection?.end();
  }

  private async connect(): Promise<DirectConnection> {
    const connection = await openDirectConnection(this.url, `runseal-leader ${this.name}`);
    await connection.query(`set idle_session_timeout = '${SILENCE_MAX_S}s'`);
    connection.on('error', () => this.forget());
    connection.on('end', () => this.forget());
    return connection;
  }

  private forget(): void {
    this.connection = null;
    this.isHeld = false;
  }
}
