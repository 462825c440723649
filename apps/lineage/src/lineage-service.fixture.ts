import { createKey, KeyAuthenticator, startService, type RunningService } from '@runseal/runtime';
import type { TestServer } from '@runseal/testing';
import type { SampleEvent } from './events.fixture.js';
import type { Lineage } from './lineage.js';
import { LineageModule } from './lineage.module.js';
import { openLineage } from './open-lineage.js';
import { SealedLedger } from './sealed-ledger.fixture.js';

/** The service over HTTP, and the ledger that it reads. */
export class ServedLineage {
  private constructor(
    private readonly ledger: SealedLedger,
    readonly lineage: Lineage,
    readonly service: RunningService,
    private readonly key: string,
  ) {}

  static async start(server: TestServer): Promise<ServedLineage> {
    const ledger = await SealedLedger.open(server);
    const lineage = await openLineage({ databaseUrl: ledger.database.lineageUrl, ledger: 'default', kafka: null });
    const service = await startService({
      ...{ name: 'lineage', version: '0.1.0', module: LineageModule.register(lineage) },
      ...{ host: '127.0.0.1', port: 0, managementPort: null, log: { level: 'silent' } },
      authenticator: new KeyAuthenticator(ledger.as('ingest')),
      ...{ bodyLimit: 1_024, refusalStatus: {} },
    });
    const { secret } = await createKey(ledger.as('ingest'), {
      ...{ principal: 'reader', kind: 'person', ledger: 'default', scopes: ['read'] },
    });
    return new ServedLineage(ledger, lineage, service, secret);
  }

  /** Seq of the last one. */
  seal(events: readonly SampleEvent[]): Promise<number> {
    return this.ledger.seal(events);
  }

  fetch(path: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    const url = this.service.url + path;
    return fetch(url, {
      headers: { authorization: `Bearer ${this.key}`, ...headers },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Asks once the newest sealed record is projected; throws where the answer is none. */
  async get<Answer>(path: string): Promise<Answer> {
    const separator = path.includes('?') ? '&' : '?';
    const response = await this.fetch(`${path}${separator}min_position=${this.ledger.newest}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }

  async close(): Promise<void> {
    await this.service.close();
    await this.ledger.close();
  }
}
