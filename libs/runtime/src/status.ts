import { Controller, Get, Inject } from '@nestjs/common';
import { CurrentCaller, type Authenticator, type Caller, type PrincipalKind } from './access/caller.js';
import { Readers, type PositionSeen, type ReaderReport } from './readers.js';
import { RuntimeRefusal } from './refusal.js';
import { Scope, type ScopeName } from './scope.js';

export const AUTHENTICATOR = Symbol('authenticator');

export interface StatusAnswer {
  readonly ledger: string;
  /** Null while the ledger is empty, and where this process reads none. */
  readonly newest: PositionSeen | null;
  readonly readers: readonly ({ readonly name: string } & ReaderReport)[];
}

export interface WhoAmIAnswer {
  readonly principal: string;
  readonly kind: PrincipalKind;
  /** Absent where it was erased or is not known here. */
  readonly name?: string;
  readonly ledger: string;
  readonly scopes: readonly ScopeName[];
}

/** How far every reader of this process is, and who is asking. */
@Controller('v1')
export class StatusController {
  constructor(
    private readonly readers: Readers,
    @Inject(AUTHENTICATOR) private readonly authenticator: Authenticator,
  ) {}

  @Get('status')
  @Scope('read', { verb: 'query' })
  async status(@CurrentCaller() caller: Caller): Promise<StatusAnswer> {
    const { ledger } = this.readers;
    if (ledger && ledger.name !== caller.ledger) {
      throw new RuntimeRefusal(
        'forbidden',
        `This key belongs to the ledger "${caller.ledger}", which is not served here.`,
      );
    }
    // The newest last: a reader is then never seen ahead of it.
    const readers = await Promise.all(
      this.readers.all.map(async (reader) => ({ name: reader.name, ...(await reader.find()) })),
    );
    return { ledger: caller.ledger, newest: (await ledger?.findNewest()) ?? null, readers };
  }

  @Get('whoami')
  @Scope('any', { verb: 'query' })
  async whoami(@CurrentCaller() caller: Caller): Promise<WhoAmIAnswer> {
    const { principal, kind, ledger, scopes } = caller;
    const name = await this.authenticator.findName?.(principal);
    return { principal, kind, ...(name ? { name } : {}), ledger, scopes };
  }
}
