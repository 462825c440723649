import { readFileSync } from 'node:fs';
import { consoleVariables } from '@runseal/console';
import { gatesVariables } from '@runseal/gates';
import { ingestVariables } from '@runseal/ingest';
import { ledgerMigrations } from '@runseal/ledger';
import { lineageVariables } from '@runseal/lineage';
import { registryVariables } from '@runseal/registry';
import { describeEnvironment, readEnvironment, type Variable } from '@runseal/runtime';
import { readCompose, type ComposeService } from './scaled/compose-file.js';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const compose = readCompose(new URL('docker-compose.yml', root).pathname, {});

/** What each program reads from its environment. */
const VARIABLES: Readonly<Record<string, Readonly<Record<string, Variable<unknown>>>>> = {
  ingest: ingestVariables,
  lineage: lineageVariables,
  gates: gatesVariables,
  registry: registryVariables,
  console: consoleVariables,
};
/** A role of the database for each variable that holds a URL of it. */
const ROLES: Readonly<Record<string, string>> = { MAINTENANCE_DATABASE_URL: 'runseal_maintenance' };

const appOf = ({ command }: ComposeService) => /^apps\/([a-z]+)\/dist\/main\.js$/.exec(command[0] ?? '')?.[1] ?? null;
const find = (name: string): ComposeService => {
  const found = compose.get(name);
  if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
};
const services = [...compose.values()].flatMap((service) => {
  const app = appOf(service);
  return app === null ? [] : [{ ...service, app, variables: VARIABLES[app] ?? {} }];
});
/** Names of variables that a shell script reads. */
const readByScript = (path: string) =>
  new Set([...read(path).matchAll(/\$\{?([A-Z][A-Z_]+)/g)].map(([, name]) => name ?? ''));

/** Without the blanks that a formatter adds to tables. */
const squeeze = (text: string) => text.replace(/ +/g, ' ').replace(/-+/g, '-');
const pages = squeeze(read('docs/running-services.md') + read('docs/console.md'));
const isDocumented = (row: string) => pages.includes(squeeze(row));

describe('docker-compose.yml', () => {
  it('starts every service, ingest twice', () => {
    expect(services.map(({ app }) => app).sort()).toEqual([
      'console',
      'gates',
      'ingest',
      'ingest',
      'lineage',
      'registry',
    ]);
  });

  it.each(services)(
    'gives $name what it reads, all that it must have, and nothing else',
    ({ environment, variables }) => {
      expect(Object.keys(variables)).toEqual(expect.arrayContaining(Object.keys(environment)));
      expect(() => readEnvironment(environment, variables)).not.toThrow();
    },
  );

  it.each(services)('lets $name listen on the port that the documents name', ({ app, environment, variables }) => {
    expect(environment['HOST']).toBe('0.0.0.0');
    expect(environment['PORT']).toBe(String(variables['PORT']?.fallback));
    expect(environment['MANAGEMENT_PORT']).toBe(String(Number(environment['PORT']) + 100));
    expect(environment['MANAGEMENT_PORT']).toBe(String(variables['MANAGEMENT_PORT']?.fallback));
    expect(isDocumented(`| \`${app}\` | ${environment['PORT']} | ${environment['MANAGEMENT_PORT']} |`)).toBe(true);
  });

  it.each(services)('is described with every variable of $name', ({ variables }) => {
    const rows = describeEnvironment(variables).trim().split('\n');
    expect(rows.slice(2).filter((row) => !isDocumented(row))).toEqual([]);
  });

  it.each(services)('connects $name as its own role only', ({ app, environment }) => {
    const urls = Object.entries(environment).filter(([, value]) => value.startsWith('postgres://'));
    expect(urls.length > 0).toBe(app !== 'console');
    for (const [name, value] of urls) {
      const role = ROLES[name] ?? `runseal_${app}`;
      expect([name, new URL(value).username]).toEqual([name, role]);
      expect([role, isDocumented(`| \`${role}\` |`)]).toEqual([role, true]);
    }
  });

  it.each(services)(
    'mounts what the paths of $name lead to, and the console nothing',
    ({ app, environment, mounts }) => {
      const paths = Object.values(environment).filter((value) => value.startsWith('/'));
      const outside = paths.filter((path) => !mounts.some(({ target }) => `${path}/`.startsWith(`${target}/`)));
      expect(outside).toEqual([]);
      expect(mounts.length > 0).toBe(app === 'ingest' || app === 'gates' || app === 'registry');
      // Heads are written by who signs them, and the key is read by nobody else.
      for (const { source, isReadOnly } of mounts) {
        expect([source, isReadOnly]).toEqual([source, app !== 'ingest' || source === 'keys']);
        if (source === 'keys') expect(app).toBe('ingest');
      }
    },
  );

  it.each(services.filter(({ environment }) => 'KAFKA_BROKERS' in environment))(
    'lets $name find Kafka where it says that it is',
    ({ environment }) => {
      expect(find('kafka').environment['KAFKA_ADVERTISED_LISTENERS']).toBe(
        `PLAINTEXT://${environment['KAFKA_BROKERS']}`,
      );
    },
  );

  it('sends the console to where each service listens', () => {
    for (const [name, value] of Object.entries(find('console').environment)) {
      if (!name.endsWith('_URL')) continue;
      const app = name.slice(0, -'_URL'.length).toLowerCase();
      const wanted = services
        .filter((one) => one.app === app)
        .map((one) => `http://${one.name}:${one.environment['PORT']}`);
      expect([name, value]).toEqual([name, wanted.join(',')]);
    }
  });

  it('publishes the console alone, on this machine alone', () => {
    const published = [...compose.values()].filter(({ ports }) => ports.length > 0);
    expect(published.map(({ name, ports }) => [name, ports])).toEqual([['console', ['127.0.0.1:7456:7456']]]);
  });

  it('runs every service from one image', () => {
    expect(new Set(services.map(({ image }) => image))).toEqual(new Set([find('set-up').image]));
  });

  it('gives the scripts what they read, and nothing else', () => {
    const { environment } = find('set-up');
    expect(new Set(Object.keys(environment))).toEqual(readByScript('deploy/docker/set-up.sh'));
    // POSTGRES_USER is set by the image of Postgres itself, for such scripts.
    const given = new Set([...Object.keys(find('postgres').environment), 'POSTGRES_USER']);
    given.delete('POSTGRES_PASSWORD');
    expect(readByScript('deploy/docker/postgres-roles.sh')).toEqual(given);
  });

  it('makes every role that logs in, and no other', async () => {
    const script = /^for role in (.*); do$/m.exec(read('deploy/docker/postgres-roles.sh'))?.[1]?.split(' ') ?? [];
    const [first] = await ledgerMigrations();
    const made = /foreach role_name in array array\[([^\]]*)\]/.exec(first?.sql ?? '')?.[1] ?? '';
    const roles = [...made.matchAll(/'(\w+)'/g)].map(([, role]) => role ?? '');
    expect(roles.length).toBeGreaterThan(4);
    expect(script.map((role) => `runseal_${role}`).sort()).toEqual(roles.sort());
  });
});
