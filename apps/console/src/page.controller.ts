import { Controller, Get, NotFoundException, Param, Req, Res } from '@nestjs/common';
import { Scope } from '@runseal/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PageFiles, type PageFile } from './page-files.js';

/** The page takes everything from this server and can be framed by, or sent a form to, nobody. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "base-uri 'none'",
  "object-src 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page's own files. They hold no data, so everybody may read them; the data needs a key. */
@Controller()
export class PageController {
  constructor(private readonly files: PageFiles) {}

  /** One page for every address that the page itself knows how to show. */
  @Get(['/', '/runs', '/runs/:id'])
  @Scope('public')
  page(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    void reply.header('cache-control', 'no-cache');
    send(this.files.page, request, reply);
  }

  /** The names change with the content. */
  @Get('/assets/:name')
  @Scope('public')
  asset(@Param('name') name: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const file = this.files.assets.get(name);
    if (!file) throw new NotFoundException('The page has no such file. Load the page again.');
    void reply.header('cache-control', 'public, max-age=31536000, immutable');
    send(file, request, reply);
  }
}

/** The runtime adds nosniff, no-referrer and the rest. */
function send(file: PageFile, request: FastifyRequest, reply: FastifyReply): void {
  const isGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  void reply
    .header('content-security-policy', CONTENT_SECURITY_POLICY)
    .header('vary', 'accept-encoding')
    .type(file.type);
  if (isGzip) void reply.header('content-encoding', 'gzip');
  void reply.send(isGzip ? file.gzipped : file.bytes);
}
