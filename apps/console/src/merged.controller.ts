import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { Controller, Get, Req, Res } from '@nestjs/common';
import { Scope, type StatusAnswer } from '@runseal/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { endToEndHeaders } from './headers.js';
import { mergeDocuments, mergeStatus, type OpenApiPaths } from './merge-answers.js';
import { SERVICES, type Service } from './routing-table.js';
import { ServiceDown } from './service-down.js';
import { Upstreams } from './upstreams.js';

/** What every service answers for itself, asked of all of them. Public here: each service looks at the key. */
@Controller('v1')
export class MergedController {
  constructor(private readonly upstreams: Upstreams) {}

  /** How far every reader is, and which service does not answer. A refusal of any service is passed on. */
  @Get('status')
  @Scope('public', { verb: 'query' })
  async status(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const asked = await Promise.allSettled(SERVICES.map((service) => this.ask(service, request)));
    const unreachable = SERVICES.filter((_, index) => asked[index]?.status === 'rejected');
    const answers = asked.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const refusal = answers.find((answer) => answer.statusCode !== 200);
    if (answers.length === 0) throw new ServiceDown('service_unavailable', SERVICES[0]);
    if (refusal) return pass(refusal, answers, reply);
    const statuses = (await Promise.all(answers.map((answer) => json(answer)))) as StatusAnswer[];
    void reply.send({ ...mergeStatus(statuses), unreachable });
  }

  /** One document of all paths. Needs every service: half a document would hide what is there. */
  @Get('openapi.json')
  @Scope('public', { verb: 'query' })
  async document(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const answers = await Promise.all(SERVICES.map((service) => this.ask(service, request)));
    const refusal = answers.find((answer) => answer.statusCode !== 200);
    if (refusal) return pass(refusal, answers, reply);
    const documents = (await Promise.all(answers.map((answer) => json(answer)))) as OpenApiPaths[];
    void reply.send(mergeDocuments(SERVICES.map((service, index) => [service, documents[index] as OpenApiPaths])));
  }

  private ask(service: Service, request: FastifyRequest): Promise<IncomingMessage> {
    const headers = { ...endToEndHeaders(request.headers), 'accept-encoding': 'identity', 'x-request-id': request.id };
    return this.upstreams.send(service, { method: 'GET', target: request.url, headers, body: null });
  }
}

function pass(answer: IncomingMessage, answers: readonly IncomingMessage[], reply: FastifyReply): void {
  for (const other of answers) if (other !== answer) other.destroy();
  void reply
    .code(answer.statusCode ?? 502)
    .headers(endToEndHeaders(answer.headers))
    .send(answer);
}
