import { limits } from '@runseal/contracts';
import { knownLogsPath, type SigningIdentity } from '@runseal/ledger';
import { openPool } from '@runseal/postgres';
import { KeyAuthenticator, openLog, startService, type LogOptions, type RunningService } from '@runseal/runtime';
import { createAdminKey, readApiKey, writeCredentials } from './credentials.js';
import { dataPaths, makeFolders, openInstallation, type DataPaths } from './data-folder.js';
import { EmbeddedDatabase } from './embedded-database.js';
import { readStandaloneEnvironment } from './environment.js';
import { lockFolder } from './folder-lock.js';
import { LogFile } from './log-file.js';
import { openServices, REFUSAL_STATUS } from './open-services.js';
import { checkPorts, HOST, managementPort } from './ports.js';
import { openSigningKey } from './signing-key.js';
import { VERSION } from './version.js';

export interface StandaloneOptions {
  /** Port of the service on 127.0.0.1, by default 7450; metrics are on port + 100. 0 takes free ports. */
  readonly port?: number;
  /** Folder of everything that is kept, by default `.runseal` here. Made where it is missing. */
  readonly data?: string;
  /** Takes one line for each step that takes time. */
  readonly say?: (line: string) => void;
}

export interface Standalone {
  readonly url: string;
  readonly credentialsPath: string;
  /** The admin key, where this start made it: to be shown once. It is kept in the credentials file. */
  readonly newApiKey: string | null;
  /** As `RunningService.drainBudget_ms`. */
  readonly service: RunningService;
  /** Drains the service, then stops Postgres. Safe to be called again. */
  close(): Promise<void>;
}

const LEDGER = 'default';
const NAME = 'standalone';

/**
 * Starts every service in this process on an embedded Postgres of its own. What was acknowledged before lies in the data
 * folder and is found again, whatever ended the process. Rejects, with nothing left running and a message that says what to
 * do, where a port or the folder is taken, or the folder is damaged or from a newer version.
 */
export async function startStandalone(options: StandaloneOptions = {}): Promise<Standalone> {
  const { port = 7450, data = '.runseal', say = () => undefined } = options;
  const paths = dataPaths(data);
  managementPort(port);
  await makeFolders(paths);
  const undo = new Undo();
  try {
    const lock = await lockFolder(paths.lock, paths.folder);
    undo.add(() => lock.release());
    await checkPorts(port);
    const keptKey = await readApiKey(paths);
    const { install, superuser_password } = await openInstallation(paths);
    const knownLogs = knownLogsPath(readStandaloneEnvironment().configHome);
    const identity = await openSigningKey(paths, { install, ledger: LEDGER }, knownLogs);
    const logFile = new LogFile(paths.log);
    undo.add(() => logFile.close());
    const log: LogOptions = { level: 'info', destination: logFile };
    say('Starting Postgres');
    const database = await EmbeddedDatabase.start({
      folder: paths.database,
      superuserPassword: superuser_password,
      log: openLog({ name: NAME, version: VERSION }, log),
    });
    undo.add(() => database.stop());
    say('Opening the ledger');
    const service = await serve({ database, identity, headsFolder: paths.heads, port, log }, undo);
    undo.add(() => service.close());
    const newApiKey = keptKey === null ? await createAdminKey(database.superuserUrl, LEDGER) : null;
    const apiKey = keptKey ?? newApiKey ?? '';
    await writeCredentials(paths, describe({ service, database, paths, identity, apiKey }));
    return {
      url: service.url,
      credentialsPath: paths.credentials,
      newApiKey,
      service,
      close: () => undo.run(),
    };
  } catch (error) {
    await undo.run();
    throw error;
  }
}

interface Serving {
  readonly database: EmbeddedDatabase;
  readonly identity: SigningIdentity;
  readonly headsFolder: string;
  readonly port: number;
  readonly log: LogOptions;
}

async function serve({ database, identity, headsFolder, port, log }: Serving, undo: Undo): Promise<RunningService> {
  const module = await openServices({ database, identity, headsFolder, log });
  const accessPool = openPool({
    url: database.urlAs('runseal_ingest'),
    applicationName: 'runseal-access',
    connectionsMax: 2,
  });
  undo.add(() => accessPool.end());
  try {
    return await startService({
      name: NAME,
      version: VERSION,
      module,
      host: HOST,
      port,
      managementPort: managementPort(port),
      log,
      authenticator: new KeyAuthenticator(accessPool),
      bodyLimit: limits.requestBytes,
      refusalStatus: REFUSAL_STATUS,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') await checkPorts(port);
    throw error;
  }
}

interface Started {
  readonly service: RunningService;
  readonly database: EmbeddedDatabase;
  readonly paths: DataPaths;
  readonly identity: SigningIdentity;
  readonly apiKey: string;
}

const describe = ({ service, database, paths, identity, apiKey }: Started) => ({
  url: service.url,
  api_key: apiKey,
  database_url: database.superuserUrl,
  heads_dir: paths.heads,
  log: `${identity.install}/${identity.ledger}`,
});

/** What was opened, closed in the opposite order, each once; a step that fails does not keep the others from closing. */
class Undo {
  private readonly steps: (() => unknown)[] = [];
  private running: Promise<void> | null = null;

  add(step: () => unknown): void {
    this.steps.push(step);
  }

  run(): Promise<void> {
    return (this.running ??= this.closeAll());
  }

  private async closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be closed.');
  }
}
