// A service in a process of its own, from the build: tests send it signals.
import { Controller, Get, Module } from '@nestjs/common';
import { Scope, serveUntilSignal, startService } from '../dist/index.js';

class SlowController {
  slow() {
    process.stdout.write('arrived\n');
    return new Promise((resolve) => setTimeout(() => resolve({ answered: true }), 500));
  }
}
const slow = Object.getOwnPropertyDescriptor(SlowController.prototype, 'slow');
Scope('public')(SlowController.prototype, 'slow', slow);
Get('slow')(SlowController.prototype, 'slow', slow);
Controller()(SlowController);

class SlowModule {
  async onModuleDestroy() {
    process.stdout.write('destroyed\n');
    if (process.argv[2] === 'hang') await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
}
Module({ controllers: [SlowController] })(SlowModule);

const service = await startService({
  name: 'signalled',
  version: '0',
  module: SlowModule,
  host: '127.0.0.1',
  port: 0,
  managementPort: 0,
  log: { level: 'silent' },
  authenticator: { authenticate: () => Promise.resolve(null) },
  bodyLimit: 1_000,
  refusalStatus: {},
});
serveUntilSignal(service);
process.stdout.write(`${service.url}\n`);
