import type { IncomingHttpHeaders } from 'node:http';
import { Module, NotFoundException, type DynamicModule, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { endToEndHeaders } from './headers.js';
import { MergedController } from './merged.controller.js';
import { serviceFor } from './routing-table.js';
import { Upstreams } from './upstreams.js';

/**
 * One address in front of the services: whatever is not the console's own goes to the service that the routing table names.
 * The services decide who may do what; nothing here looks at a key.
 */
@Module({})
export class ForwardingModule implements OnModuleInit, OnModuleDestroy {
  constructor(
    private readonly upstreams: Upstreams,
    private readonly host: HttpAdapterHost,
  ) {}

  static register(upstreams: Upstreams): DynamicModule {
    return {
      module: ForwardingModule,
      controllers: [MergedController],
      providers: [{ provide: Upstreams, useValue: upstreams }],
    };
  }

  /** In a scope of its own, so that bodies pass as they are, whatever their type and encoding; the limit of bytes stays. */
  onModuleInit(): void {
    const fastify: FastifyInstance = this.host.httpAdapter.getInstance();
    void fastify.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
      scope.all('/*', { config: { policy: { scope: 'public' } } }, (request, reply) => this.forward(request, reply));
    });
  }

  onModuleDestroy(): void {
    this.upstreams.close();
  }

  private async forward(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const service = serviceFor(request.url.split('?', 1)[0] ?? '');
    if (!service) throw new NotFoundException();
    const answer = await this.upstreams.send(service, {
      method: request.method,
      target: request.url,
      headers: { ...endToEndHeaders(request.headers), 'x-request-id': request.id },
      body: Buffer.isBuffer(request.body) ? request.body : null,
    });
    // The head goes out at once: the first of a stream of events may be long in coming.
    reply.raw.once('pipe', () => reply.raw.flushHeaders());
    return reply
      .code(answer.statusCode ?? 502)
      .headers({ ...endToEndHeaders(answer.headers), ...lengthOf(answer.headers) })
      .send(answer);
  }
}

/** The body is not changed on its way, so its length stays true. */
const lengthOf = ({ 'content-length': length }: IncomingHttpHeaders) =>
  length === undefined ? {} : { 'content-length': length };
