import { gunzip } from 'node:zlib';
import { ValidationPipe, type ArgumentMetadata, type ValidationError } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RuntimeRefusal, type RefusalFault } from './refusal.js';
import { parseStrictJson } from './strict-json.js';

/** Nesting that request bodies other than events may have. */
const DEPTH_MAX = 32;
const ERRORS_MAX = 50;

/**
 * The only content type is application/json and its body arrives as bytes: `@Body() body: Buffer` gets them as they are,
 * inflated, and any other type of parameter gets them parsed and validated by `JsonBodyPipe`. So there is no second, laxer
 * parser that a spelling of the content type could lead to. `bodyLimit` holds before and after inflation.
 */
export function installBodyParser(fastify: FastifyInstance, bodyLimit: number): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    checkCharset(request);
    const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
    if (encoding === 'identity' || encoding === '') return done(null, body);
    if (encoding !== 'gzip') {
      const message = 'This Content-Encoding is not supported. Send gzip or none.';
      return done(new RuntimeRefusal('unsupported_encoding', message));
    }
    gunzip(body, { maxOutputLength: bodyLimit }, (error, inflated) => {
      if (error) done(inflationRefusal(error, bodyLimit));
      else done(null, inflated);
    });
  });
}

function checkCharset(request: FastifyRequest): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset === undefined || charset.toLowerCase() === 'utf-8') return;
  throw new RuntimeRefusal('unsupported_charset', 'JSON travels as UTF-8. Send it so, with charset=utf-8 or none.');
}

function inflationRefusal(cause: Error, bodyLimit: number): RuntimeRefusal {
  if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
    return new RuntimeRefusal('too_large', `The body is larger than ${bodyLimit} bytes once inflated.`, { cause });
  }
  return new RuntimeRefusal('invalid_encoding', 'The body is not complete, intact gzip.', { cause });
}

/** Parses bodies strictly, validates bodies, queries and parameters against their class, and takes no member it does not know. */
export class JsonBodyPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      stopAtFirstError: true,
      validationError: { target: false, value: true },
      exceptionFactory: (errors) => invalidRequest(errors),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type !== 'body') return super.transform(value, metadata);
    const bytes = Buffer.isBuffer(value) ? value : Buffer.alloc(0);
    if (metadata.metatype === Buffer) return bytes;
    const body = parseStrictJson(bytes, { depthMax: DEPTH_MAX });
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw refuseWith([{ path: '', found: describe(body), wanted: 'an object' }]);
    }
    return super.transform(body, metadata);
  }
}

function invalidRequest(errors: readonly ValidationError[]): RuntimeRefusal {
  return refuseWith(errors.flatMap((error) => toFaults(error, '')).slice(0, ERRORS_MAX));
}

function refuseWith(errors: readonly RefusalFault[]): RuntimeRefusal {
  const first = errors[0];
  const message = first
    ? `${first.path || 'The body'}: found ${first.found}, wanted ${first.wanted}.`
    : 'Not understood.';
  return new RuntimeRefusal('invalid_request', message, { errors });
}

function toFaults(error: ValidationError, parent: string): RefusalFault[] {
  const path = `${parent}/${error.property.replaceAll('~', '~0').replaceAll('/', '~1')}`.slice(0, 300);
  const own = Object.entries(error.constraints ?? {}).map(([name, message]) => ({
    path,
    found: describe(error.value),
    // The library's messages start with the property's name.
    wanted: name === 'whitelistValidation' ? 'no such member' : message.replace(`${error.property} `, ''),
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => toFaults(child, path))];
}

/** Names a value by kind and size: what somebody sent may be a secret in the wrong place. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return 'a number';
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  return Array.isArray(value) ? `a list of ${value.length}` : 'an object';
}
