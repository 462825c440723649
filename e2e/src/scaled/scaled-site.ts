import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromBase64 } from '@runseal/chain';
import { rememberLog, verifierKeyText } from '@runseal/ledger';
import { LocalServer } from '@runseal/postgres';
import { lockFolder, type FolderLock } from '@runseal/standalone';
import { canListen, embeddedBinaries, findFreePort, TestKafka } from '@runseal/testing';
import { readCompose, type ComposeService } from './compose-file.js';
import { createAdminKey, prepareDatabase, settingsOf } from './database.js';
import {
  installationPath,
  keepInstallation,
  makeFolders,
  openInstallation,
  type Installation,
} from './installation.js';
import { localEnvironment, type LocalPlaces } from './local-places.js';
import { ServiceProcess } from './service-process.js';
import { runSetUp } from './set-up.js';

export interface ScaledOptions {
  /** Everything that is kept lies here; a second start finds it. */
  readonly folder: string;
  /** Of the console; by default the port that the compose file publishes. */
  readonly port?: number;
  /** Whether a service that ends by itself is started again, as the compose file has it. */
  readonly restarts?: boolean;
  /** Takes one line for each step that takes time, and for each service that ended by itself. */
  readonly say?: (line: string) => void;
}

export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const RESTART_MS = 1_000;
const LEDGER = 'default';

/**
 * The processes of docker-compose.yml on this machine, without containers: Postgres, Kafka and every service as built, with the
 * roles, variables and set-up script of that file. Kafka's data is thrown away at the end: readers take from the ledger what it does
 * not hold.
 */
export class ScaledSite {
  readonly services = new Map<string, ServiceProcess>();
  private compose: ReadonlyMap<string, ComposeService> = new Map();
  private places: LocalPlaces | null = null;
  private postgres: LocalServer | null = null;
  private kafkaStarted: TestKafka | null = null;
  private lock: FolderLock | null = null;
  private key = '';
  private isFirstStart = false;
  private isStarted = false;
  private isStopping = false;
  private readonly killAtExit = () => {
    for (const { pid } of this.services.values()) if (pid !== null) process.kill(pid, 'SIGKILL');
  };

  private constructor(private readonly options: ScaledOptions) {}

  /** Resolves when every service is ready. Rejects, with nothing left running, where one cannot start. */
  static async start(options: ScaledOptions): Promise<ScaledSite> {
    const site = new ScaledSite(options);
    process.once('exit', site.killAtExit);
    try {
      await site.open();
      return site;
    } catch (error) {
      await site.stop();
      throw error;
    }
  }

  /** The one address that clients need. */
  get url(): string {
    return this.service('console').url;
  }

  get apiKey(): string {
    return this.key;
  }

  /** Whether this start made the key and the ledger. */
  get isNew(): boolean {
    return this.isFirstStart;
  }

  get installationPath(): string {
    return installationPath(this.options.folder);
  }

  /** As the superuser. */
  get databaseUrl(): string {
    return this.required(this.postgres).url(this.databaseName);
  }

  get kafka(): TestKafka {
    return this.required(this.kafkaStarted);
  }

  service(name: string): ServiceProcess {
    const found = this.services.get(name);
    if (!found) throw new Error(`There is no service ${name}, only ${[...this.services.keys()].join(', ')}.`);
    return found;
  }

  /** A service's environment as its process has it. */
  environmentOf(name: string): Record<string, string> {
    return localEnvironment(this.find(name), this.required(this.places));
  }

  /** Starts a service that was ended, and waits until it is ready. */
  async startService(name: string): Promise<void> {
    const service = this.service(name);
    this.launch(service);
    await service.waitUntilReady();
  }

  /** Writes the key that signs heads into a file of known logs, as whoever runs the services would hand it to who verifies. */
  async rememberLog(knownLogs: string): Promise<void> {
    const { RUNSEAL_INSTALL: install = '', RUNSEAL_SIGNING_KEY_FILE: path = '' } = this.environmentOf('ingest-1');
    const privateKey = fromBase64((await readFile(path, 'utf8')).trim());
    const keys = [verifierKeyText({ install, ledger: LEDGER, privateKey }, 0)];
    await rememberLog(knownLogs, { log: `${install}/${LEDGER}`, keys, head: null, accepted_epoch: 0 });
  }

  /** Ends the services by SIGTERM, those that read before those that are read, then Kafka and Postgres. Safe to be called again. */
  async stop(): Promise<void> {
    this.isStopping = true;
    for (const service of [...this.services.values()].reverse()) await service.end('SIGTERM');
    await this.kafkaStarted?.remove();
    await this.postgres?.stop();
    await this.lock?.release();
    process.removeListener('exit', this.killAtExit);
  }

  private async open(): Promise<void> {
    const { folder } = this.options;
    await makeFolders(folder);
    this.lock = await lockFolder(join(folder, 'scaled.lock'), folder);
    const installation = await openInstallation(folder);
    const variables = { RUNSEAL_DB_PASSWORD: installation.databasePassword, RUNSEAL_INSTALL: installation.install };
    this.compose = readCompose(join(REPOSITORY, 'docker-compose.yml'), variables);
    await this.checkPort();
    this.say('Starting Postgres and Kafka');
    const [port] = await Promise.all([this.startPostgres(installation), this.startKafka()]);
    this.places = { addresses: await this.chooseAddresses(port), folder };
    await prepareDatabase(this.required(this.postgres), this.databaseName, this.compose.values());
    this.say('Schema, roles, topics and signing key');
    await runSetUp(REPOSITORY, this.environmentOf('set-up'));
    this.isFirstStart = installation.apiKey === null;
    this.key = installation.apiKey ?? (await createAdminKey(this.databaseUrl, LEDGER));
    if (this.isNew) await keepInstallation(folder, { ...installation, apiKey: this.key });
    this.say('Starting the services');
    await this.startServices();
  }

  private get consolePort(): number {
    return this.options.port ?? Number(this.find('console').environment['PORT']);
  }

  private async checkPort(): Promise<void> {
    const { consolePort: port } = this;
    if (!(await canListen(port))) throw new Error(`Port ${port} is in use. Free it, or choose another one (--port).`);
  }

  private async startPostgres({ databasePassword }: Installation): Promise<number> {
    const port = await findFreePort();
    this.postgres = new LocalServer({
      binaries: await embeddedBinaries(),
      dataDirectory: join(this.options.folder, 'postgres'),
      port,
      superuserPassword: databasePassword,
      settings: settingsOf(this.find('postgres')),
    });
    await this.postgres.start();
    return port;
  }

  private async startKafka(): Promise<void> {
    this.kafkaStarted = await TestKafka.start();
  }

  /** The console keeps its port of the compose file, for people to remember; all others get any that is free. */
  private async chooseAddresses(postgresPort: number): Promise<Map<string, string>> {
    const addresses = new Map([
      ['postgres:5432', `127.0.0.1:${postgresPort}`],
      ['kafka:9092', this.kafka.brokers.join(',')],
    ]);
    for (const { name, environment } of this.compose.values()) {
      const { PORT: port } = environment;
      if (port === undefined) continue;
      const own = name === 'console' ? this.consolePort : await findFreePort();
      addresses.set(`${name}:${port}`, `127.0.0.1:${own}`);
    }
    return addresses;
  }

  /** The first one opens the ledger, which the others then find. */
  private async startServices(): Promise<void> {
    for (const one of this.compose.values()) {
      if (!('PORT' in one.environment)) continue;
      const own = this.required(this.places).addresses.get(`${one.name}:${one.environment['PORT']}`) ?? '';
      const ports = { PORT: own.split(':')[1] ?? '', MANAGEMENT_PORT: String(await findFreePort()) };
      const service = new ServiceProcess({
        name: one.name,
        command: one.command,
        workingFolder: REPOSITORY,
        environment: { NODE_ENV: 'production', ...this.environmentOf(one.name), ...ports },
        logPath: join(this.options.folder, 'logs', `${one.name}.log`),
      });
      this.services.set(one.name, service);
    }
    const [first, ...others] = this.services.keys();
    await this.startService(first ?? '');
    await Promise.all(others.map((name) => this.startService(name)));
    this.isStarted = true;
  }

  private launch(service: ServiceProcess): void {
    service.start((how) => {
      const restarts = this.isStarted && this.options.restarts === true;
      this.say(`${service.name} ended by itself (${how})${restarts ? ', started again' : ''}: see ${service.logPath}`);
      if (!restarts) return;
      setTimeout(() => {
        if (!this.isStopping && service.pid === null) this.launch(service);
      }, RESTART_MS);
    });
  }

  private get databaseName(): string {
    return this.find('postgres').environment['POSTGRES_DB'] ?? '';
  }

  private find(name: string): ComposeService {
    const found = this.compose.get(name);
    if (!found) throw new Error(`docker-compose.yml has no service ${name}.`);
    return found;
  }

  private required<T>(value: T | null): T {
    if (value === null) throw new Error('The site is not started yet.');
    return value;
  }

  private say(line: string): void {
    this.options.say?.(line);
  }
}
