import { Module } from '@nestjs/common';
import { limits } from '@runseal/contracts';
import { startService, type LogOptions, type RunningService } from '@runseal/runtime';
import { ConsoleModule } from './console.module.js';
import { ForwardingModule } from './forwarding.module.js';
import { REFUSAL_STATUS } from './service-down.js';
import { Upstreams, type Addresses } from './upstreams.js';
import { VERSION } from './version.js';

export interface ConsoleOptions {
  readonly host: string;
  readonly port: number;
  readonly managementPort: number | null;
  readonly log: LogOptions;
  readonly addresses: Addresses;
  readonly webFolder: string;
  /** How long a service may take to begin its answer; 30 s by default. */
  readonly answerLimit_ms?: number;
}

@Module({})
class ConsoleProcess {}

/** The page and, behind the same address, every service: a client never knows how many there are. */
export function startConsole(options: ConsoleOptions): Promise<RunningService> {
  const { host, port, managementPort, log, addresses, webFolder, answerLimit_ms } = options;
  return startService({
    name: 'console',
    version: VERSION,
    module: {
      module: ConsoleProcess,
      imports: [
        ConsoleModule.register({ webFolder }),
        ForwardingModule.register(new Upstreams(addresses, answerLimit_ms)),
      ],
    },
    host,
    port,
    managementPort,
    log,
    // Every route is public here: the services behind look at the key.
    authenticator: { authenticate: async () => null },
    hasOwnAnswers: false,
    bodyLimit: limits.requestBytes,
    refusalStatus: REFUSAL_STATUS,
  });
}
