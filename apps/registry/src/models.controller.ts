import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { CurrentCaller, Scope, type Caller } from '@runseal/runtime';
import type { CommandAnswer, ComplianceAnswer, ModelItem, Page, VersionAnswer, VersionItem } from './answers.js';
import { DecideRequest, RegisterVersion, RequestTransition, SetTags } from './commands.js';
import type { Asker } from './deciding/decide.js';
import { ListModels, ListVersions } from './list-models.js';
import { Registry } from './registry.js';
import {
  ApprovalRequest,
  asOfOf,
  AsOfQuery,
  LIMIT_DEFAULT,
  ListQuery,
  ModelPath,
  readTags,
  RegistrationRequest,
  TagsRequest,
  TransitionRequest,
  VersionPath,
} from './requests.js';
import { requireLedger } from './require-ledger.js';
import { ShowCompliance, ShowVersion } from './show-version.js';

const READ = { verb: 'query', reader: 'registry' } as const;
const SEAL = { verb: 'seal' } as const;

/** Model versions, their stages, and who lets them in. */
@Controller('v1/models')
export class ModelsController {
  constructor(
    private readonly registry: Registry,
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
  ) {}

  @Get()
  @Scope('read', READ)
  list(@Query() query: ListQuery, @CurrentCaller() caller: Caller): Promise<Page<ModelItem>> {
    this.require(caller);
    return this.queries.execute(new ListModels(pageOf(query)));
  }

  @Get(':name/versions')
  @Scope('read', READ)
  listVersions(
    @Param() { name }: ModelPath,
    @Query() query: ListQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<Page<VersionItem>> {
    this.require(caller);
    return this.queries.execute(new ListVersions(name, pageOf(query)));
  }

  @Get(':name/versions/:version')
  @Scope('read', READ)
  show(
    @Param() { name, version }: VersionPath,
    @Query() query: AsOfQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<VersionAnswer> {
    this.require(caller);
    return this.queries.execute(new ShowVersion(name, version, asOfOf(query)));
  }

  @Get(':name/versions/:version/compliance')
  @Scope('read', READ)
  showCompliance(
    @Param() { name, version }: VersionPath,
    @Query() query: AsOfQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<ComplianceAnswer> {
    this.require(caller);
    return this.queries.execute(new ShowCompliance(name, version, asOfOf(query)));
  }

  @Post(':name/versions')
  @Scope('events:write', SEAL)
  register(
    @Param() { name }: ModelPath,
    @Body() { run }: RegistrationRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<CommandAnswer> {
    return this.commands.execute(new RegisterVersion(name, this.askerOf(caller), run));
  }

  /** Any key that may write: a pipeline asks for Staging. Production, and out of it, wants a person. */
  @Post(':name/versions/:version/transitions')
  @Scope('events:write', SEAL)
  requestTransition(
    @Param() { name, version }: VersionPath,
    @Body() { to, reason }: TransitionRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<CommandAnswer> {
    const of = { model: name, version };
    return this.commands.execute(new RequestTransition(of, this.askerOf(caller), { to, reason }));
  }

  @Post(':name/versions/:version/approvals')
  @Scope('approve', SEAL)
  decide(
    @Param() { name, version }: VersionPath,
    @Body() { request = null, decision, meaning, reason }: ApprovalRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<CommandAnswer> {
    const decided = { request, approves: decision === 'approve', meaning, reason };
    return this.commands.execute(new DecideRequest({ model: name, version }, this.askerOf(caller), decided));
  }

  @Post(':name/versions/:version/tags')
  @Scope('events:write', SEAL)
  setTags(
    @Param() { name, version }: VersionPath,
    @Body() body: TagsRequest,
    @CurrentCaller() caller: Caller,
  ): Promise<CommandAnswer> {
    return this.commands.execute(new SetTags({ model: name, version }, this.askerOf(caller), readTags(body)));
  }

  private askerOf(caller: Caller): Asker {
    this.require(caller);
    return { actor: caller.principal, isPerson: caller.kind === 'person' };
  }

  private require(caller: Caller): void {
    requireLedger(caller, this.registry.ledger);
  }
}

const pageOf = (query: ListQuery) => ({
  limit: query.limit ?? LIMIT_DEFAULT,
  cursor: query.cursor,
  asOf: asOfOf(query),
});
