import { connect } from 'node:net';
import {
  Body,
  Controller,
  Get,
  HttpException,
  Injectable,
  Module,
  NotFoundException,
  Param,
  Post,
  Query,
  type OnModuleDestroy,
} from '@nestjs/common';
import { migrate, openPool, type Pool } from '@runseal/postgres';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsIn, IsInt, IsString, MaxLength, ValidateNested } from 'class-validator';
import {
  accessMigrations,
  createKey,
  CurrentCaller,
  KeyAuthenticator,
  Readers,
  Readiness,
  Scope,
  SCOPE_NAMES,
  startService,
  type Caller,
  type Reader,
  type ReaderReport,
  type RunningService,
  type ScopeName,
} from './index.js';

class PartRequest {
  @IsInt()
  size!: number;
}

class ThingRequest {
  @IsString()
  @MaxLength(10)
  name!: string;

  @IsIn(['a', 'b'])
  kind!: string;

  @ValidateNested({ each: true })
  @Type(() => PartRequest)
  @ArrayMaxSize(3)
  parts!: PartRequest[];
}

class ListQuery {
  @IsInt()
  @Type(() => Number)
  limit!: number;
}

class StaleThing extends Error {
  override readonly name = 'Refusal';
  readonly detail = { kept_size: 7 };
  constructor(readonly code: string) {
    super('The thing is stale.');
  }
}

/** What tests steer in the sample service, and what they see of it. */
export const stage = {
  release: null as (() => void) | null,
  isArrived: false,
  resourceIsUp: true,
  closedWhileServing: [] as boolean[],
};

@Injectable()
class Resource implements OnModuleDestroy {
  isOpen = true;
  constructor(readiness: Readiness) {
    readiness.addCheck('resource', async () => {
      if (!stage.resourceIsUp) throw new Error('down on purpose');
    });
  }
  onModuleDestroy(): void {
    this.isOpen = false;
  }
}

@Controller('v1')
class SampleController {
  constructor(private readonly resource: Resource) {}

  @Get('things')
  @Scope('read', { verb: 'query' })
  list(@Query() query: ListQuery): ListQuery {
    return query;
  }

  @Get('things/:id')
  @Scope('read', { verb: 'query' })
  one(@Param('id') id: string): { id: string } {
    return { id };
  }

  @Get('tiles/*')
  @Scope('read', { openedBy: 'tiles' })
  tile(): string {
    return 'tile';
  }

  @Post('things')
  @Scope('policy:write', { verb: 'submit' })
  create(@Body() body: ThingRequest, @CurrentCaller() caller: Caller): { name: string; by: string } {
    return { name: body.name, by: caller.principal };
  }

  @Post('raw')
  @Scope('events:write', { verb: 'submit' })
  raw(@Body() body: Buffer): { length: number } {
    return { length: body.length };
  }

  @Get('wait')
  @Scope('admin')
  async wait(): Promise<{ isOpen: boolean }> {
    stage.isArrived = true;
    await new Promise<void>((resolve) => (stage.release = resolve));
    stage.closedWhileServing.push(!this.resource.isOpen);
    return { isOpen: this.resource.isOpen };
  }

  @Get('fail/:how')
  @Scope('read')
  fail(@Param('how') how: string): never {
    if (how === 'refusal') throw new StaleThing('stale');
    if (how === 'unmapped') throw new StaleThing('unheard_of');
    if (how === 'nest') throw new HttpException('gone', 409);
    if (how === 'outage')
      throw new Error('wrapped', { cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) });
    throw new Error('password=hunter2 in the message');
  }
}

/** A reader whose state tests set, and what `/v1/read` does before it answers. */
export const reading = {
  report: { position: { epoch: 0, seq: 4 }, lag_records: 0, lag_s: 0, stopped: null, trouble: null } as ReaderReport,
  waited: [] as number[],
  whileAnswering: () => undefined as void,
};

const sampleReader: Reader = {
  name: 'sample',
  findPosition: async () => reading.report.position,
  find: async () => reading.report,
  waitFor: async (seq) => {
    reading.waited.push(seq);
    return (reading.report.position?.seq ?? -1) >= seq;
  },
};

@Controller('v1')
class ReaderController {
  @Get('read')
  @Scope('read', { verb: 'query', reader: 'sample' })
  read(@Query() query: ListQuery): ListQuery {
    reading.whileAnswering();
    return query;
  }

  @Get('read/nothing')
  @Scope('read', { verb: 'query', reader: 'sample' })
  nothing(): never {
    throw new NotFoundException('There is no such run.');
  }
}

@Module({ controllers: [SampleController, ReaderController], providers: [Resource] })
class SampleModule {
  constructor(readers: Readers) {
    readers.serveLedger({ name: 'default', findNewest: async () => ({ epoch: 0, seq: 7 }) });
    readers.add(sampleReader);
  }
}

/** Bytes that a body may have in the sample service. */
export const BODY_LIMIT = 64 * 1024;

/** A pool as the role `runseal_ingest` on a fresh database with the schema `access`. */
export async function openAccess(url: string): Promise<Pool> {
  const admin = openPool({ url, applicationName: 'test' });
  for (const service of ['ingest', 'lineage', 'gates', 'registry']) {
    await admin.query(`create role runseal_${service} login password '${service}'`);
  }
  await migrate(url, await accessMigrations());
  await admin.end();
  const asIngest = new URL(url);
  asIngest.username = 'runseal_ingest';
  asIngest.password = 'ingest';
  return openPool({ url: asIngest.toString(), applicationName: 'test' });
}

/** The sample service with a key for each scope and one for all of them. */
export class Sample {
  readonly lines: string[] = [];
  readonly keys = new Map<ScopeName | 'all', string>();
  service!: RunningService;

  private constructor(readonly pool: Pool) {}

  static async start(pool: Pool): Promise<Sample> {
    const sample = new Sample(pool);
    for (const scopes of [SCOPE_NAMES, ...SCOPE_NAMES.map((scope) => [scope])]) {
      const key = await createKey(pool, { principal: 'someone', kind: 'person', ledger: 'default', scopes });
      sample.keys.set(scopes.length > 1 ? 'all' : (scopes[0] as ScopeName), key.secret);
    }
    sample.service = await sample.startAnother({ managementPort: 0 });
    return sample;
  }

  startAnother(more: Partial<Parameters<typeof startService>[0]> = {}): Promise<RunningService> {
    return startService({
      name: 'sample',
      version: '1.2.3',
      module: SampleModule,
      host: '127.0.0.1',
      port: 0,
      managementPort: null,
      log: { level: 'debug', destination: { write: (line) => void this.lines.push(line) } },
      authenticator: new KeyAuthenticator(this.pool),
      bodyLimit: BODY_LIMIT,
      refusalStatus: { stale: 409 },
      ...more,
    });
  }

  bearer(scope: ScopeName | 'all' = 'all'): { authorization: string } {
    return { authorization: `Bearer ${this.keys.get(scope)}` };
  }

  get(path: string, headers: Record<string, string> = this.bearer()): Promise<Response> {
    return fetch(this.service.url + path, { headers });
  }

  post(path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
    const all = { ...this.bearer(), 'content-type': 'application/json', ...headers };
    return fetch(this.service.url + path, { method: 'POST', headers: all, body });
  }

  /** Sends bytes that fetch would not, and returns all that comes until the server closes the connection. */
  sendRaw(text: string, more: { breaksOff?: boolean; url?: string } = {}): Promise<string> {
    const { port } = new URL(more.url ?? this.service.url);
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(Number(port), '127.0.0.1', () => (more.breaksOff ? socket.end(text) : socket.write(text)));
      socket.setEncoding('latin1').on('data', (data) => (answer += data));
      socket.on('close', () => resolve(answer)).on('error', reject);
    });
  }
}
