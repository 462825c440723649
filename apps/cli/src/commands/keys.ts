import { Option, type Command } from 'commander';
import { openServer } from '../open-server.js';
import type { Run } from '../command.js';
import { printJson, printLine, YES, type ExitCode, type GlobalOptions, type Surroundings } from '../surroundings.js';

interface CreateOptions extends GlobalOptions {
  readonly principal: string;
  readonly kind: string;
  readonly scopes: readonly string[];
  readonly expires?: string;
  readonly database?: string;
  readonly ledger: string;
}

interface CreatedKey {
  readonly key_id: string;
  readonly principal_id: string;
  readonly secret: string;
}

interface ListedKey {
  readonly key_id: string;
  readonly principal: string | null;
  readonly kind: string;
  readonly scopes: readonly string[];
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
}

const PAGE_KEYS = 1_000;

export function declare(command: Command, run: Run): void {
  command.addHelpText(
    'after',
    '\nExample:\n  runseal keys create --principal trainer-7 --kind service --scopes events:write',
  );
  command
    .command('create')
    .description('make a key; its secret is shown once')
    .requiredOption('--principal <name>', 'whose key it is; the same name and kind is the same principal')
    .addOption(
      new Option('--kind <kind>', 'what the principal is').choices(['person', 'service']).makeOptionMandatory(),
    )
    .requiredOption('--scopes <scopes...>', 'events:write, read, policy:write, approve, admin')
    .option('--expires <time>', 'RFC 3339 with a zone, such as 2027-01-01T00:00:00Z; else never')
    .option('--database <url>', 'make it there, as the role runseal_ingest: for the first key of an installation')
    .option('--ledger <name>', 'the ledger that it opens; only with --database', 'default')
    .addHelpText(
      'after',
      '\nExamples:\n  runseal keys create --principal ada --kind person --scopes read approve\n' +
        '  runseal keys create --principal ada --kind person --scopes admin --database postgres://runseal_ingest@db/runseal',
    )
    .action(run((surroundings, _options: unknown, self: Command) => create(self.optsWithGlobals(), surroundings)));
  command
    .command('list')
    .description('all keys of the ledger, without their secrets')
    .addHelpText('after', '\nExample:\n  runseal keys list --json')
    .action(run((surroundings, _options: unknown, self: Command) => list(self.optsWithGlobals(), surroundings)));
  command
    .command('revoke <id>')
    .description('refuse a key from now on; every service does so within 5 s')
    .addHelpText('after', '\nExample:\n  runseal keys revoke k3f7qa7xw2mzt5hb')
    .action(
      run((surroundings, id: string, _options: unknown, self: Command) =>
        revoke(id, self.optsWithGlobals(), surroundings),
      ),
    );
}

async function create(options: CreateOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { principal, kind, expires } = options;
  const scopes = options.scopes.flatMap((text) => text.split(',')).filter((scope) => scope !== '');
  const key =
    options.database === undefined
      ? await (
          await openServer(options, surroundings)
        ).post<CreatedKey>('/v1/keys', {
          principal,
          kind,
          scopes,
          ...(expires === undefined ? {} : { expires }),
        })
      : // Loaded only here: the schema of keys brings the services' framework along.
        await (
          await import('../first-key.js')
        ).createFirstKey(options.database, {
          principal,
          kind,
          scopes,
          expires,
          ledger: options.ledger,
        });
  if (options.json) {
    printJson(surroundings.out, key);
    return YES;
  }
  printLine(surroundings.out, key.secret);
  printLine(
    surroundings.err,
    `Key ${key.key_id} of ${principal} (${key.principal_id}). It is shown this once: keep it now.`,
  );
  return YES;
}

async function list(options: GlobalOptions, surroundings: Surroundings): Promise<ExitCode> {
  const server = await openServer(options, surroundings);
  const keys: ListedKey[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = new URLSearchParams({ limit: String(PAGE_KEYS), ...(cursor === '' ? {} : { cursor }) });
    const page: { items: ListedKey[]; next_cursor: string | null } = await server.getJson(
      `/v1/keys?${query.toString()}`,
    );
    keys.push(...page.items);
    cursor = page.next_cursor;
  }
  if (options.json) printJson(surroundings.out, { items: keys });
  else for (const key of keys) printLine(surroundings.out, describe(key));
  return YES;
}

function describe({ key_id, principal, kind, scopes, created_at, expires_at, revoked_at }: ListedKey): string {
  const end =
    revoked_at !== null ? `revoked ${revoked_at}` : expires_at !== null ? `expires ${expires_at}` : 'in force';
  return `${key_id}  ${principal ?? '(erased)'} (${kind})  ${scopes.join(' ')}  created ${created_at}  ${end}`;
}

async function revoke(id: string, options: GlobalOptions, surroundings: Surroundings): Promise<ExitCode> {
  const server = await openServer(options, surroundings);
  await server.delete(`/v1/keys/${encodeURIComponent(id)}`);
  if (options.json) printJson(surroundings.out, { key_id: id, revoked: true });
  else printLine(surroundings.out, `Key ${id} is revoked.`);
  return YES;
}
