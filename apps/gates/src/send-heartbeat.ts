import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { HeartbeatAnswer } from './answers.js';
import { Gates } from './gates.js';
import type { Heartbeat } from './leases.js';

export class SendHeartbeat {
  constructor(readonly heartbeat: Heartbeat) {}
}

@CommandHandler(SendHeartbeat)
export class SendHeartbeatHandler implements ICommandHandler<SendHeartbeat, HeartbeatAnswer> {
  constructor(private readonly gates: Gates) {}

  async execute({ heartbeat }: SendHeartbeat): Promise<HeartbeatAnswer> {
    const { leases } = this.gates.parts;
    await leases.renew(heartbeat);
    return { lease_s: leases.lease_s, alerts: [], stop: false };
  }
}
